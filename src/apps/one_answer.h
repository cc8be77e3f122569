// A whole answer at once, for commands that work through many prompts.
#pragma once

#include <string>

#include "base/result.h"
#include "engine/prompt.h"
#include "engine/session.h"

namespace carat {

// The model's greedy answer as text, thoughts and white space at its ends aside. Ctrl-C ends it
// with kCancelled.
Result<std::string> GreedyAnswer(Session& session, const Tokenizer& tokenizer, const Prompt& prompt,
                                 size_t max_tokens);

}  // namespace carat
