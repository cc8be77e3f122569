// Request targets (RFC 9112, section 3.2), taken strictly: what could mean two things to two
// programs is refused.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace carat::net {

struct Target {
  std::string path = {};       // decoded and normal as RequestHead's; "*" as it is
  std::string query = {};      // behind the '?', as it came
  std::string authority = {};  // "host:port" of an absolute target, else empty
};

// "/a%20b?c", "http://host/a", or "*" where `method` is OPTIONS. Repeated slashes count as one.
// Errors are sentences for people, without the target in them.
Result<Target> ParseTarget(std::string_view method, std::string_view text);

// "host", "host:80", "[::1]:80" or empty: what may stand in a Host field.
bool IsAuthority(std::string_view text);

}  // namespace carat::net
