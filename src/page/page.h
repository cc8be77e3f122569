// Page: the files of carat's page, which are part of the program. src/page/files is what web/
// builds to; tools/check_page.sh proves it.
#pragma once

#include <map>
#include <string>

#include "net/message.h"

namespace carat {

// The files by their paths, "/" among them, each with the policy of the page: it runs nothing and
// asks nobody but its own server.
std::map<std::string, net::Reply> PageFiles();

}  // namespace carat
