// What a client did wrong, or what went wrong for it, in no dialect's words.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "io/json.h"
#include "net/message.h"

namespace carat {

enum class Dialect { kOpenAi, kAnthropic };

struct ApiError {
  int status = 400;
  // OpenAI's "code": "invalid_value", "context_length_exceeded", "model_not_found", …
  std::string code = {};
  std::string param = {};    // the path of the value in the request; may be empty
  std::string message = {};  // one or two sentences; never a path, an address or a decoder's words
  int retry_after_s = 0;     // if > 0: the Retry-After field
};

// Whether a text names a file or an address of this machine, which no client may see.
bool TellsOfTheMachine(std::string_view text);

// From an error of a lower room: kInvalid, kUnsupported and kContextFull are 400
// ("context_length_exceeded" with the counts), kNotFound 404, kBusy 503, kCancelled 499, others 500
// without detail. `where` of the error becomes the param, if it is a path in the request.
ApiError ToApiError(const Error& error);

// The status that a dialect has for it: Anthropic's for 503 is 529.
int StatusOf(const ApiError& error, Dialect dialect);

// {"error": {"message", "type", "param", "code"}}, or Anthropic's {"type": "error", "error":
// {"type", "message"}, "request_id"}; without an id if `request_id` is empty.
Json BodyOf(const ApiError& error, Dialect dialect, std::string_view request_id = {});
net::Reply ReplyOf(const ApiError& error, Dialect dialect, std::string_view request_id = {});

}  // namespace carat
