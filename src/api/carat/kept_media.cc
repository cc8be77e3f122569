// Media of kept conversations, and what may stand in their messages.
#include <fmt/format.h>

#include <utility>

#include "api/carat/conversations.h"
#include "api/carat/kept_content.h"
#include "api/fields.h"
#include "api/media_parts.h"
#include "io/digest.h"
#include "media/file_type.h"

namespace carat {
namespace {

// [{"name", "arguments"}], as a Recorder writes them.
Status CheckCalls(Fields& fields) {
  const Json* const calls = fields.Take("tool_calls");
  if (calls == nullptr) return {};
  const std::string where = fields.PathOf("tool_calls");
  if (!calls->is_array())
    return Fail({.what = "wrong value", .where = where, .wanted = "an array"});
  for (size_t i = 0; i < calls->array().size(); ++i) {
    CARAT_ASSIGN(Fields call, Fields::Of(calls->array()[i], fmt::format("{}[{}]", where, i)));
    CARAT_TRY(call.RequireString("name"));
    call.Take("arguments");
    CARAT_TRY(call.Done());
  }
  return {};
}

Status CheckPart(const Json& part, const std::string& where) {
  CARAT_ASSIGN(Fields fields, Fields::Of(part, where));
  CARAT_ASSIGN(const std::string type, fields.RequireString("type"));
  CARAT_TRY(fields.OneOf("type", {"text", "image", "audio", "video"}));
  CARAT_TRY(fields.String("name"));
  if (type == "text") {
    CARAT_TRY(fields.RequireString("text"));
    return fields.Done();
  }
  CARAT_ASSIGN(const std::string hash, fields.RequireString("media"));
  if (!IsDigest(Digest::Kind::kSha256, hash)) {
    return Fail({.what = "no medium's name", .where = fields.PathOf("media")});
  }
  if (type == "image") CARAT_TRY(TakeBudget(fields));
  MediaRequest film;
  if (type == "video") CARAT_TRY(TakeFilm(fields, film));
  return fields.Done();
}

}  // namespace

Result<Json> CheckedBody(const Json& body, const std::string& where, bool question) {
  CARAT_ASSIGN(Fields fields, Fields::Of(body, where));
  CARAT_ASSIGN(const Json* const content, fields.Require("content"));
  if (!question) {
    CARAT_TRY(fields.String("reasoning"));
    CARAT_TRY(fields.Number("thinking_s", 0, 1e9));
    CARAT_TRY(CheckCalls(fields));
    const Json* const report = fields.Take("carat");
    if (report != nullptr && !report->is_object()) {
      return Fail({.what = "wrong value", .where = fields.PathOf("carat"), .wanted = "an object"});
    }
  }
  CARAT_TRY(fields.Done());
  const std::string place = fields.PathOf("content");
  if (content->is_string()) return body;
  if (!content->is_array() || !question) {
    return Fail({.what = "wrong value",
                 .where = place,
                 .wanted = question ? "a text or an array of parts" : "a text"});
  }
  for (size_t i = 0; i < content->array().size(); ++i) {
    CARAT_TRY(CheckPart(content->array()[i], fmt::format("{}[{}]", place, i)));
  }
  return body;
}

Result<HistoryMedium> KeepSniffed(History& history, const std::string& owner,
                                  std::span<const std::byte> bytes, const std::string& where) {
  const std::span head(reinterpret_cast<const uint8_t*>(bytes.data()),
                       std::min(bytes.size(), kSniffBytes));
  const auto type = SniffFileType(head);
  if (!type) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "carat takes no such file",
                 .where = where,
                 .wanted = std::string(AcceptedFileTypes())});
  }
  return history.Keep(owner, bytes, std::string(type->mime));
}

void KeepMedium(Api& api, Call& call) {
  AnswerFromHistory(api, call, [&](History& history) -> Result<Json> {
    CARAT_ASSIGN(const HistoryMedium medium,
                 KeepSniffed(history, call.owner, std::as_bytes(std::span(call.request.body)), ""));
    Json body;
    body.Set("media", medium.hash);
    body.Set("type", medium.type);
    body.Set("bytes", static_cast<int64_t>(medium.bytes));
    return body;
  });
}

void ShowMedium(Api& api, Call& call) {
  History* const history = HistoryOf(api, call);
  if (history == nullptr) return;
  const auto medium = history->Medium(call.owner, call.path_id);
  if (!medium) return call.SendError(ToApiError(medium.error()));
  auto bytes = history->MediumBytes(call.owner, call.path_id);
  if (!bytes) return call.SendError(ToApiError(bytes.error()));
  call.exchange.Send({.content_type = medium->type, .body = *std::move(bytes)});
}

}  // namespace carat
