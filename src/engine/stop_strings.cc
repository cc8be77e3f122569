#include "engine/stop_strings.h"

#include <algorithm>
#include <utility>

namespace carat {

StopStrings::StopStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {
  std::erase(strings_, std::string());
}

std::string StopStrings::Push(std::string_view text) {
  if (hit_) return {};
  held_ += text;
  // Of all stop strings the one that is complete first, and of those the longest: so the answer
  // does not depend on the pieces that the text came in.
  size_t begin = std::string::npos, end = std::string::npos;
  for (const std::string& stop : strings_) {
    const size_t at = held_.find(stop);
    if (at == std::string::npos) continue;
    if (at + stop.size() < end || (at + stop.size() == end && at < begin)) {
      begin = at;
      end = at + stop.size();
    }
  }
  if (begin != std::string::npos) {
    hit_ = true;
    which_ = held_.substr(begin, end - begin);
    held_.resize(begin);
    return std::exchange(held_, {});
  }
  size_t keep = 0;  // the longest end of the text that begins a stop string
  for (const std::string& stop : strings_) {
    for (size_t n = std::min(stop.size() - 1, held_.size()); n > keep; --n) {
      if (held_.ends_with(std::string_view(stop).substr(0, n))) keep = n;
    }
  }
  std::string ready = held_.substr(0, held_.size() - keep);
  held_.erase(0, held_.size() - keep);
  return ready;
}

std::string StopStrings::Finish() { return std::exchange(held_, {}); }

}  // namespace carat
