#include "api/carat/page.h"

#include <fmt/format.h>

#include "api/fields.h"
#include "api/page_door.h"
#include "api/query.h"
#include "sys/clock.h"

namespace carat {
namespace {

constexpr size_t kMaxNonce = 128;

PageDoor* DoorOf(Api& api, Call& call) {
  if (api.page_door() == nullptr) {
    call.SendError({.status = 501,
                    .code = "unsupported",
                    .message = "This server lets no page in: it keeps no conversations."});
  }
  return api.page_door();
}

// The token that is shown; empty where it is a key.
std::string TokenIn(const net::RequestHead& head) {
  const std::string_view shown = Access::Presented(head).value_or("");
  return shown.starts_with(kPageToken) ? std::string(shown) : std::string();
}

}  // namespace

void ProveToPage(Api& api, Call& call) {
  const auto prove = [&]() -> Result<Json> {
    CARAT_ASSIGN(const Json members, ParseTexts(call.request.head.query));
    CARAT_ASSIGN(Fields fields, Fields::Of(members, ""));
    CARAT_ASSIGN(const auto key, fields.String("key"));
    CARAT_ASSIGN(const auto token, fields.String("token"));
    CARAT_ASSIGN(const std::string nonce, fields.RequireString("nonce"));
    CARAT_TRY(fields.Done());
    if (key.has_value() == token.has_value()) {
      return Fail({.what = "wrong members", .wanted = "one of key and token"});
    }
    if (nonce.size() > kMaxNonce) {
      return Fail({.what = "too long",
                   .where = "nonce",
                   .wanted = fmt::format("at most {} bytes", kMaxNonce)});
    }
    const std::string& local = call.request.head.local;
    Json body;
    if (key) {
      body.Set("proof", api.access().Proof(*key, ProofText(nonce, local)));
    } else {
      const PageDoor* const door = api.page_door();
      if (door == nullptr)
        return Fail({.code = ErrorCode::kUnsupported, .what = "this server lets no page in"});
      body.Set("proof", door->Prove(*token, nonce, local));
    }
    return body;
  };
  call.SendResult(prove());
}

void NewPageCode(Api& api, Call& call) {
  PageDoor* const door = DoorOf(api, call);
  if (door == nullptr) return;
  if (!TokenIn(call.request.head).empty()) {
    return call.SendError({.status = 403,
                           .code = "needs_a_key",
                           .message = "A page can't let another page in: this needs a key."});
  }
  Json body;
  const PageKey key{.owner = call.owner, .mark = api.access().Mark(call.owner)};
  body.Set("code", door->NewCode(key, Now()));
  body.Set("seconds", PageDoor::kCodeSeconds);
  call.SendJson(body);
}

void NewPageToken(Api& api, Call& call) {
  PageDoor* const door = DoorOf(api, call);
  if (door == nullptr) return;
  const auto swap = [&]() -> Result<std::optional<std::string>> {
    CARAT_ASSIGN(const Json json, call.ParseBody());
    CARAT_ASSIGN(Fields fields, Fields::Of(json, ""));
    CARAT_ASSIGN(const std::string code, fields.RequireString("code"));
    CARAT_TRY(fields.Done());
    return door->Swap(code, Now());
  };
  const auto token = swap();
  if (!token) return call.SendError(ToApiError(token.error()));
  if (!*token) {
    return call.SendError({.status = 401,
                           .code = "invalid_code",
                           .message = "This code is none, was used, or is older than a minute."});
  }
  Json body;
  body.Set("token", **token);
  call.SendJson(body);
}

void DropPageTokens(Api& api, Call& call) {
  PageDoor* const door = DoorOf(api, call);
  if (door == nullptr) return;
  const auto drop = [&]() -> Result<Json> {
    CARAT_ASSIGN(const Json members, ParseQuery(call.request.head.query));
    CARAT_ASSIGN(Fields fields, Fields::Of(members, ""));
    CARAT_ASSIGN(const auto all, fields.Bool("all"));
    CARAT_TRY(fields.Done());
    const std::string token = TokenIn(call.request.head);
    if (token.empty() || all.value_or(false)) {
      CARAT_TRY(door->DropAll(call.owner));
    } else {
      CARAT_TRY(door->Drop(token));
    }
    Json body;
    body.Set("dropped", true);
    return body;
  };
  call.SendResult(drop());
}

}  // namespace carat
