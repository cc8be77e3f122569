// A whole answer at once, for commands that work through many prompts.
#pragma once

#include <string>

#include "base/result.h"
#include "chat/media_parts.h"
#include "engine/generate.h"
#include "engine/prompt.h"
#include "engine/session.h"
#include "io/json.h"

namespace carat {

// The prompt of one message of the user that holds these parts, one of them a medium.
Result<Prompt> OneMessagePrompt(const Tokenizer& tokenizer, Json::Array parts,
                                const MediaPart& medium);

struct OneAnswer {
  std::string text;  // without thoughts, and without white space at its ends
  StopReason reason = StopReason::kNone;
};

// The model's greedy answer. Ctrl-C ends it with kCancelled.
Result<OneAnswer> GreedyAnswer(Session& session, const Tokenizer& tokenizer, const Prompt& prompt,
                               size_t max_tokens);

}  // namespace carat
