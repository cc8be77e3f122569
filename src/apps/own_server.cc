#include "apps/own_server.h"

#include <fmt/format.h>

#include <span>

#include "api/access.h"
#include "api/page_door.h"
#include "io/digest.h"
#include "io/json.h"
#include "net/client.h"
#include "sys/ids.h"

namespace carat {
namespace {

constexpr int kPatienceMs = 3000;

// "127.0.0.1:8012" of "http://127.0.0.1:8012".
std::string AddressIn(const std::string& url) {
  const size_t slashes = url.find("//");
  return slashes == std::string::npos ? url : url.substr(slashes + 2);
}

}  // namespace

net::Fields OwnServer::KeyFields() const {
  if (key.empty()) return {};
  return {{"authorization", "Bearer " + key}};
}

ServerError ErrorIn(const net::Reply& reply) {
  const auto json = ParseJson(reply.body);
  const Json* const error = json ? json->Find("error") : nullptr;
  if (error == nullptr) return {};
  return {.code = StringIn(*error, "code"), .message = StringIn(*error, "message")};
}

Result<OwnServer> ProvenServer(const ServerRecord::Content& recorded) {
  OwnServer server{.url = recorded.url, .key = {}, .model_path = recorded.model_path};
  // One place, and not whoever else a name or a wildcard may lead to.
  for (const std::string_view host : {"//localhost:", "//0.0.0.0:", "//[::]:"}) {
    if (const size_t at = server.url.find(host); at != std::string::npos)
      server.url.replace(at, host.size(), "//127.0.0.1:");
  }
  if (recorded.key_file.empty()) return server;
  CARAT_ASSIGN(const auto keys, ReadKeys(recorded.key_file));
  server.key = keys.front().key;
  const std::string nonce = NewId("");
  CARAT_ASSIGN(const net::Reply reply,
               net::Ask({.url = server.url,
                         .target = fmt::format("/v1/carat/page/proof?key={}&nonce={}",
                                               keys.front().name, nonce),
                         .timeout_ms = kPatienceMs}));
  const auto json = ParseJson(reply.body);
  const std::string digest = Sha256Hex(std::as_bytes(std::span(server.key)));
  const std::string wanted = HmacSha256Hex(digest, ProofText(nonce, AddressIn(server.url)));
  if (reply.status == 200 && json && StringIn(*json, "proof") == wanted) return server;
  return Fail({.what = "what listens there is not the server of this key, and gets no key",
               .where = server.url});
}

Result<OwnServer> FindOwnServer() {
  CARAT_ASSIGN(const ServerRecord::Content recorded, ServerRecord::Read());
  return ProvenServer(recorded);
}

}  // namespace carat
