#include "apps/open_page.h"

#include <fmt/format.h>

#include <cstdlib>
#include <span>
#include <string>

#include "api/access.h"
#include "api/page_door.h"
#include "apps/output.h"
#include "apps/places.h"
#include "apps/silent_child.h"
#include "apps/terminal.h"
#include "io/digest.h"
#include "io/file.h"
#include "io/json.h"
#include "net/client.h"
#include "sys/ids.h"

namespace carat {
namespace {

Result<std::string> MemberOf(const net::ClientRequest& request, std::string_view member) {
  CARAT_ASSIGN(const net::Reply reply, net::Ask(request));
  const auto json = ParseJson(reply.body);
  const Json* const value = json ? json->Find(member) : nullptr;
  if (reply.status == 200 && value != nullptr && value->is_string()) return value->string();
  return Fail({.what = "the server gives the page no way in",
               .where = request.url,
               .wanted = "carat serve of this version, without --no-history",
               .found = fmt::format("status {}", reply.status)});
}

Result<std::string> CodeFrom(const ServerRecord::Content& server) {
  CARAT_ASSIGN(const auto keys, ReadKeys(server.key_file));
  const AccessKey& key = keys.front();
  const std::string nonce = NewId("");
  CARAT_ASSIGN(
      const std::string proof,
      MemberOf({.url = server.url,
                .target = fmt::format("/v1/carat/page/proof?key={}&nonce={}", key.name, nonce)},
               "proof"));
  const std::string digest = Sha256Hex(std::as_bytes(std::span(key.key)));
  if (proof != HmacSha256Hex(digest, ProofText(nonce))) {
    return Fail({.what = "what listens there is not the server of this key, and gets no key",
                 .where = server.url});
  }
  return MemberOf({.url = server.url,
                   .method = "POST",
                   .target = "/v1/carat/page/codes",
                   .fields = {{"authorization", "Bearer " + key.key}}},
                  "code");
}

// Silent, and without waiting for it: xdg-open may be the browser itself.
bool Open(const std::string& file) {
  if (std::getenv("DISPLAY") == nullptr && std::getenv("WAYLAND_DISPLAY") == nullptr) return false;
  return StartSilently("xdg-open", {"xdg-open", file}, true).has_value();
}

}  // namespace

Status OpenPage(const ServerRecord::Content& recorded) {
  ServerRecord::Content server = recorded;
  // One place, and not whoever else a name or a wildcard may lead to.
  for (const std::string_view host : {"//localhost:", "//0.0.0.0:", "//[::]:"}) {
    if (const size_t at = server.url.find(host); at != std::string::npos)
      server.url.replace(at, host.size(), "//127.0.0.1:");
  }
  std::string address = server.url + "/";
  if (!server.key_file.empty()) {
    CARAT_ASSIGN(const std::string code, CodeFrom(server));
    address += "#code=" + code;
  }
  CARAT_TRY(MakeFolder(StateFolder()));
  const auto file = StateFolder() / "page.html";
  const std::string html =
      "<!doctype html><meta charset=utf-8><meta name=referrer content=no-referrer>"
      "<meta http-equiv=refresh content=\"0;url=" +
      address + "\"><title>carat</title>\n";
  CARAT_TRY(WriteFileAtomic(file, std::as_bytes(std::span(html)), 0600));
  WriteOut(server.url + "/\n");
  CARAT_TRY(FlushOutput());
  if (!Open(file.string())) {
    PrintErr("carat: no browser could be started; within a minute, open file://{}\n",
             EscapeLine(file.string()));
  }
  return {};
}

}  // namespace carat
