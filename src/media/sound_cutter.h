// Cuts a long recording into pieces that the model takes whole, at pauses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"

namespace carat {

struct SoundPiece {
  uint64_t begin = 0;          // samples since the beginning of the recording
  std::vector<float> samples;  // mono, 16 kHz
  // Where its first loud part begins and its last one ends, as `begin` counts; the same where it is
  // all silence or faint noise.
  uint64_t speech_begin = 0;
  uint64_t speech_end = 0;
  bool silent() const { return speech_begin == speech_end; }
};

// Sound comes in blocks of any size and goes out in pieces of at most max_seconds: one after the
// other, nothing lost, nothing twice. How the blocks were cut makes no difference. Memory is
// bounded by one piece. One owner thread.
class SoundCutter {
 public:
  struct Options {
    int min_seconds = 10;  // a cut is looked for from here on
    int max_seconds = 30;  // the longest clip that the model was trained with
  };
  explicit SoundCutter(const Options& options) : options_(options) {}

  using Sink = std::function<Status(SoundPiece piece)>;
  Status Push(std::span<const float> samples, const Sink& sink);
  // The rest, if there is any.
  Status Finish(const Sink& sink);

 private:
  Status Cut(size_t length, const Sink& sink);

  Options options_;
  std::vector<float> held_;
  uint64_t begin_ = 0;
};

}  // namespace carat
