// Log probabilities of tokens in OpenAI's form.
#pragma once

#include <span>

#include "io/json.h"
#include "service/answer.h"
#include "tokenizer/tokenizer.h"

namespace carat {

// Appends {"token", "logprob", "bytes", "top_logprobs"} of each token that is no special one: those
// structure an answer and are no part of its text.
void AppendLogprobs(const Tokenizer& tokenizer, std::span<const TokenLogprob> tokens,
                    Json::Array& out);

}  // namespace carat
