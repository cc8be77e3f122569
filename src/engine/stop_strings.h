// StopStrings: ends an answer at texts that the caller names, wherever token borders fall.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace carat {

// Text goes in as it streams; what comes out is safe to show: it holds no stop string and no
// beginning of one that may still be completed.
class StopStrings {
 public:
  // Empty strings are ignored.
  explicit StopStrings(std::vector<std::string> strings);

  // Text that can be shown now. On a hit: what stands before the stop string that is complete first
  // (of several that end at one place, the longest), then nothing.
  std::string Push(std::string_view text);
  // What was held back, at the end of the answer.
  std::string Finish();
  bool hit() const { return hit_; }
  const std::string& which() const { return which_; }  // after a hit: the string

 private:
  std::vector<std::string> strings_;
  std::string held_, which_;
  bool hit_ = false;
};

}  // namespace carat
