#include "tokenizer/stream_decoder.h"

#include "base/utf8.h"

namespace carat {

std::string StreamDecoder::Push(std::string_view bytes) {
  held_ += bytes;
  const size_t tail = IncompleteUtf8Tail(held_);
  std::string ready = SanitizeUtf8(std::string_view(held_).substr(0, held_.size() - tail));
  held_.erase(0, held_.size() - tail);
  return ready;
}

std::string StreamDecoder::Finish() {
  std::string rest = SanitizeUtf8(held_);
  held_.clear();
  return rest;
}

}  // namespace carat
