// Opens carat's page in a browser.
#pragma once

#include "apps/own_server.h"
#include "base/result.h"

namespace carat {

// Gets a code, and opens a file that leads to the page with it: neither key nor code is in the
// arguments of any program. Prints the address. Without a browser it says so and leaves the file to
// be opened.
Status OpenPage(const OwnServer& server);

}  // namespace carat
