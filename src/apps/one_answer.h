// A whole answer at once, for commands that work through many prompts.
#pragma once

#include <string>

#include "base/result.h"
#include "engine/generate.h"
#include "engine/prompt.h"
#include "engine/session.h"

namespace carat {

struct OneAnswer {
  std::string text;  // without thoughts, and without white space at its ends
  StopReason reason = StopReason::kNone;
};

// The model's greedy answer. Ctrl-C ends it with kCancelled.
Result<OneAnswer> GreedyAnswer(Session& session, const Tokenizer& tokenizer, const Prompt& prompt,
                               size_t max_tokens);

}  // namespace carat
