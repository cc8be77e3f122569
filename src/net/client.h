// One question to a server of this machine, for carat's own commands. It goes to loopback addresses
// alone.
#pragma once

#include <functional>
#include <string>
#include <string_view>

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

// Errors: no http URL of a loopback address; kNotFound where nobody is there; an answer that is
// none or over 16 MiB.
Result<Reply> Ask(const ClientRequest& request);

// The same, where the body of a good answer (200) comes piece by piece; another one has it in
// `body`. `take` is called at least every tenth of a second, with nothing where nothing has come;
// when it returns false the connection is closed, with kCancelled. The timeout is of each step.
Result<Reply> AskStream(const ClientRequest& request,
                        const std::function<bool(std::string_view)>& take);

}  // namespace carat::net
