// PromptText: a prompt under construction that remembers which bytes are the caller's.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace carat {

// Every byte enters through one of two doors, so nothing a caller sent can be taken for the
// template's own text: the tokenizer recognises control tokens outside the literal ranges only.
class PromptText {
 public:
  // The template's own text: control tokens and punctuation.
  void Template(std::string_view text) { text_ += text; }

  // Text from messages or tools, whatever it looks like.
  void Literal(std::string_view text) {
    if (text.empty()) return;
    const size_t begin = text_.size();
    text_ += text;
    if (!literal_.empty() && literal_.back().end == begin) {
      literal_.back().end = text_.size();
    } else {
      literal_.push_back({begin, text_.size()});
    }
  }

  const std::string& text() const { return text_; }
  size_t size() const { return text_.size(); }

  // Sorted, disjoint, merged where they touch.
  std::vector<TextRange> TakeLiteral() { return std::move(literal_); }
  std::string TakeText() { return std::move(text_); }

 private:
  std::string text_;
  std::vector<TextRange> literal_;
};

}  // namespace carat
