// HTTP messages as this room gives and takes them. The namespace is the room's own: hub has an
// HttpRequest too.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carat::net {

// Names in lower case, in the order in which they came.
using Fields = std::vector<std::pair<std::string, std::string>>;

// What stands before a body.
struct RequestHead {
  std::string method;  // "GET"
  // Decoded, UTF-8, normal (no ".", "..", "//", backslash or control character), begins with '/';
  // or "*", of OPTIONS alone.
  std::string path;
  std::string query;  // behind the '?', as it came
  Fields fields;      // with an absolute target, "host" is of that
  bool from_loopback = false;
  std::string local = {};  // the address that the client reached: "127.0.0.1:8012", "[::1]:8012"
  bool tls = false;

  // The only field of that name (lower case); absent also where there are several.
  std::optional<std::string_view> Field(std::string_view name) const;
};

struct Request {
  RequestHead head;
  std::string body;
};

// A whole answer. Content-Length, Date and Connection are added.
struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  Fields fields = {};
};

}  // namespace carat::net
