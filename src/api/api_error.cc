#include "api/api_error.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/utf8.h"

namespace carat {
namespace {

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '$';
}

// "messages[2].content[0].image_url": nothing that could be a file or an address.
bool IsRequestPath(std::string_view text) {
  if (text.empty() || !IsNameByte(text.front())) return false;
  return std::ranges::all_of(
      text, [](char c) { return IsNameByte(c) || c == '.' || c == '[' || c == ']'; });
}

// The place in the request; what Within put behind a comma belongs to a lower room.
std::string ParamOf(const Error& error) {
  const std::string outer = error.where.substr(0, error.where.find(", "));
  return IsRequestPath(outer) ? outer : std::string();
}

std::string SentenceOf(const Error& error, const std::string& param) {
  const Error shown{.code = error.code,
                    .what = error.what,
                    .where = param,
                    .wanted = error.wanted,
                    .found = error.found};
  std::string text = SanitizeUtf8(shown.Message());
  if (TellsOfTheMachine(error.what) || TellsOfTheMachine(error.wanted)) {
    text = param.empty() ? "the request can't be done" : param + ": this value can't be used";
  }
  if (!text.ends_with('.')) text += '.';
  return text;
}

std::string_view OpenAiType(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 429:
      return "rate_limit_error";
    default:
      return status < 500 ? "invalid_request_error" : "server_error";
  }
}

std::string_view AnthropicType(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 504:
      return "timeout_error";
    case 503:
    case 529:
      return "overloaded_error";
    default:
      return status < 500 ? "invalid_request_error" : "api_error";
  }
}

}  // namespace

// A '/' or '~' that begins a word and is followed by more of it, or a number in hexadecimal.
bool TellsOfTheMachine(std::string_view text) {
  for (size_t i = 0; i + 2 < text.size(); ++i) {
    const bool begins =
        i == 0 || std::string_view(" \"'(=:,").find(text[i - 1]) != std::string_view::npos;
    const bool path =
        (text[i] == '/' || text.substr(i, 2) == "~/") && IsNameByte(text[i + 1 + (text[i] == '~')]);
    const bool address = text.substr(i, 2) == "0x";
    if (begins && (path || address)) return true;
  }
  return false;
}

ApiError ToApiError(const Error& error) {
  ApiError out{.param = ParamOf(error)};
  switch (error.code) {
    case ErrorCode::kInvalid:
      out.code = error.what == "missing" ? "missing_required_parameter" : "invalid_value";
      break;
    case ErrorCode::kUnsupported:
      out.code = "unsupported_value";
      break;
    case ErrorCode::kContextFull:
      out.code = "context_length_exceeded";
      break;
    case ErrorCode::kNotFound:
      out.status = 404;
      out.code = "not_found";
      break;
    case ErrorCode::kBusy:
      out.status = 503;
      out.code = "overloaded";
      out.retry_after_s = 1;
      break;
    case ErrorCode::kCancelled:
      return {.status = 499, .code = "cancelled", .message = "The request was cancelled."};
    case ErrorCode::kNoMemory:
      return {.status = 503, .code = "out_of_memory", .message = "There is not enough memory."};
    case ErrorCode::kIo:
      return {.status = 500, .code = "internal_error", .message = "Something went wrong in carat."};
  }
  out.message = SentenceOf(error, out.param);
  return out;
}

int StatusOf(const ApiError& error, Dialect dialect) {
  return dialect == Dialect::kAnthropic && error.status == 503 ? 529 : error.status;
}

Json BodyOf(const ApiError& error, Dialect dialect, std::string_view request_id) {
  Json inner, body;
  if (dialect == Dialect::kAnthropic) {
    inner.Set("type", AnthropicType(error.status));
    inner.Set("message", error.message);
    body.Set("type", "error");
    body.Set("error", std::move(inner));
    if (!request_id.empty()) body.Set("request_id", request_id);
    return body;
  }
  inner.Set("message", error.message);
  inner.Set("type", OpenAiType(error.status));
  inner.Set("param", error.param.empty() ? Json() : Json(error.param));
  inner.Set("code", error.code.empty() ? Json() : Json(error.code));
  body.Set("error", std::move(inner));
  return body;
}

net::Reply ReplyOf(const ApiError& error, Dialect dialect, std::string_view request_id) {
  net::Reply reply{.status = StatusOf(error, dialect),
                   .body = BodyOf(error, dialect, request_id).Dump()};
  if (error.retry_after_s > 0) {
    reply.fields.emplace_back("retry-after", std::to_string(error.retry_after_s));
  }
  return reply;
}

}  // namespace carat
