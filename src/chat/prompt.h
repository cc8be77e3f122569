// A rendered conversation as the ids that a timeline is to be equal to.
#pragma once

#include "chat/template.h"
#include "engine/prompt.h"
#include "tokenizer/tokenizer.h"

namespace carat {

// Encodes the text, what users wrote as plain text, and turns byte boundaries into positions. A
// boundary that is no border of tokens is dropped.
Prompt ToPrompt(const Tokenizer& tokenizer, const RenderedPrompt& rendered);

}  // namespace carat
