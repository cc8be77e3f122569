// What the readers of the model's config and of the drafter's share: the text part.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "model/config.h"

namespace carat {

inline constexpr int64_t kMaxSize = int64_t{1} << 24;  // of any number in a config

enum class TextRole {
  kModel,    // owns its keys and values
  kDrafter,  // reads the model's: every layer shares them
};

// `root` is the whole config.json (token ids stand there), `text` the part with the sizes.
Result<Config> ReadTextConfig(const JsonView& root, const JsonView& text, TextRole role);

// Keys begin with the architecture's name.
Result<Config> ReadTextConfig(const Gguf& gguf, const std::string& architecture, TextRole role);

}  // namespace carat
