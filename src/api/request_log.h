// What is noted of a request once it has been answered.
#pragma once

#include <cstddef>
#include <string>

namespace carat {

struct RequestLog {
  std::string id = {};     // x-request-id; empty: refused before it had one
  std::string owner = {};  // the name of the key
  std::string method = {};
  std::string route = {};  // its pattern, so that no id of anybody stands in it
  int status = 0;
  double seconds = 0;
  size_t body_bytes = 0, sent_bytes = 0;  // without heads
  bool client_left = false;
  // Only where content is wanted (ApiOptions::log_content).
  std::string asked = {}, answered = {};
};

}  // namespace carat
