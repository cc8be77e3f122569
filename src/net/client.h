// One question to a server of this machine, for carat's own commands. It goes to loopback addresses
// alone.
#pragma once

#include <string>

#include "base/result.h"
#include "net/message.h"

namespace carat::net {

struct ClientRequest {
  std::string url = {};  // "http://127.0.0.1:8012"; no https
  std::string method = "GET";
  std::string target = "/";
  Fields fields = {};
  std::string body = {};
  int timeout_ms = 10'000;
};

// Errors: no http URL of a loopback address, nobody there, an answer that is none or over 16 MiB.
Result<Reply> Ask(const ClientRequest& request);

}  // namespace carat::net
