#include "apps/open_page.h"

#include <fmt/format.h>

#include <cstdlib>
#include <span>
#include <string>

#include "apps/output.h"
#include "apps/places.h"
#include "apps/silent_child.h"
#include "apps/terminal.h"
#include "io/file.h"
#include "io/json.h"
#include "net/client.h"

namespace carat {
namespace {

Result<std::string> CodeFrom(const OwnServer& server) {
  CARAT_ASSIGN(const net::Reply reply, net::Ask({.url = server.url,
                                                 .method = "POST",
                                                 .target = "/v1/carat/page/codes",
                                                 .fields = server.KeyFields()}));
  const auto json = ParseJson(reply.body);
  if (reply.status == 200 && json) return StringIn(*json, "code");
  return Fail({.what = "the server gives the page no way in",
               .where = server.url,
               .wanted = "carat serve of this version, without --no-history",
               .found = fmt::format("status {}", reply.status)});
}

// Silent, and without waiting for it: xdg-open may be the browser itself.
bool Open(const std::string& file) {
  if (std::getenv("DISPLAY") == nullptr && std::getenv("WAYLAND_DISPLAY") == nullptr) return false;
  return StartSilently("xdg-open", {"xdg-open", file}, {.own_session = true}).has_value();
}

}  // namespace

Status OpenPage(const OwnServer& server) {
  std::string address = server.url + "/";
  if (!server.key.empty()) {
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
