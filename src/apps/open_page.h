// Opens carat's page in a browser.
#pragma once

#include "apps/server_record.h"
#include "base/result.h"

namespace carat {

// Has the server prove that it holds the key, gets a code, and opens a file that leads to the page
// with it: neither key nor code is in the arguments of any program. Prints the address. Without a
// browser it says so and leaves the file to be opened. Errors: no server, one that does not prove
// itself, a key file that can't be read.
Status OpenPage(const ServerRecord::Content& recorded);

}  // namespace carat
