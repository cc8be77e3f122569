#include "chat/prompt.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace carat {

Prompt ToPrompt(const Tokenizer& tokenizer, const RenderedPrompt& rendered) {
  Prompt prompt;
  prompt.ids = tokenizer.Encode(rendered.text, rendered.literal);
  for (const size_t boundary : rendered.boundaries) {
    std::vector<TextRange> literal;
    for (const TextRange& range : rendered.literal) {
      if (range.begin < boundary) literal.push_back({range.begin, std::min(range.end, boundary)});
    }
    const auto ids = tokenizer.Encode(std::string_view(rendered.text).substr(0, boundary), literal);
    const bool border =
        ids.size() <= prompt.ids.size() && std::equal(ids.begin(), ids.end(), prompt.ids.begin());
    if (border && !ids.empty()) prompt.boundaries.push_back(static_cast<Pos>(ids.size()));
  }
  return prompt;
}

}  // namespace carat
