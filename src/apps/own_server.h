// The server that runs for this user, for carat's other commands.
#pragma once

#include <string>

#include "apps/server_record.h"
#include "base/result.h"
#include "net/message.h"

namespace carat {

struct OwnServer {
  std::string url;         // of one loopback address
  std::string key;         // empty: it asks for none
  std::string model_path;  // as ServerRecord has it

  // What a request shows.
  net::Fields KeyFields() const;
};

// What a reply that is no good one says; empty where it says nothing.
struct ServerError {
  std::string code, message;
};
ServerError ErrorIn(const net::Reply& reply);

// Once it has proved that it holds the key: no key is shown to whoever else listens there. Errors:
// kNotFound where none runs; no proof.
Result<OwnServer> FindOwnServer();
Result<OwnServer> ProvenServer(const ServerRecord::Content& recorded);

}  // namespace carat
