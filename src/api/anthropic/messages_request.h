// A request of Anthropic's Messages to an Ask.
//
// What is read, and what becomes of it, beside the obvious:
//   model                 as in Chat Completions (model_choice.h)
//   thinking              enabled, adaptive or disabled; `display` omitted leaves the text out of
//   the
//                         answer, but not out of its signature, so that it comes back
//   output_config.effort  limits thoughts that `thinking` allows
//   output_config.format, output_format   a JSON schema for the answer
//   top_k, top_p, min_p, seed, repetition_penalty, carat, chat_template_kwargs   as ask_fields.h
//   metadata, service_tier, cache_control   change nothing: prefixes are cached always
//   context_management    edits that clear thoughts: the template does that itself
//   audio and video blocks   carat's own: {"type": "audio", "source": {"type": "base64",
//                         "media_type", "data"}}; a video also has frames or fps, an image budget
// Anything else is refused by name: tools that a server would run, PDFs, addresses, files,
// citations, an assistant's message to be gone on with.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "io/json.h"
#include "service/ask.h"

namespace carat {

struct MessagesRequest {
  Ask ask = {};  // without its owner
  std::optional<std::string> model = {};
  bool stream = false;
  bool detached = false;       // goes on where its client goes away
  bool omit_thinking = false;  // the answer's thoughts stand in their signatures alone
};

// `count`: of count_tokens, which needs no max_tokens. Errors have the path of the value in the
// request. Thread-safe.
Result<MessagesRequest> ReadMessagesRequest(const Json& body, bool count = false);

}  // namespace carat
