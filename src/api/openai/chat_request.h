// A request of Chat Completions to an Ask.
//
// What is read, and what becomes of it, beside the obvious:
//   model                         the loaded model's name, "carat" or "default" (model_choice.h)
//   max_tokens, max_completion_tokens   the same thing; thoughts count
//   reasoning_effort, thinking, chat_template_kwargs   ThinkingWish in ask_fields.h
//   top_k, min_p, repetition_penalty    as other local servers have them
//   carat                         carat's own wishes, TakeCarat in ask_fields.h
//   user, metadata, prompt_cache_key, prompt_cache_retention, safety_identifier   change nothing
//   frequency_penalty, presence_penalty   0 only
//   service_tier "auto" and "default", store false, modalities ["text"], verbosity "medium" only
//   functions, function_call, prediction, audio, web_search_options   refused by name
// Anything else is refused by name too: there is no parameter for templates, grammars or parsers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/json.h"
#include "service/ask.h"

namespace carat {

struct ChatRequest {
  Ask ask = {};  // without its owner
  std::optional<std::string> model = {};
  bool stream = false;
  bool include_usage = false;  // of a stream
  bool detached = false;       // goes on where its client goes away
};

// Errors have the path of the value in the request. Thread-safe.
Result<ChatRequest> ReadChatRequest(const Json& body);

}  // namespace carat
