// The tokenizer keys of a GGUF file (gguf specification, 4.1).
#pragma once

#include <optional>

#include "base/result.h"
#include "tokenizer/tokenizer.h"
#include "weights/gguf.h"

namespace carat {

// Empty where the file carries no vocabulary. Errors name the key.
Result<std::optional<Tokenizer>> TokenizerFromGguf(const Gguf& gguf);

}  // namespace carat
