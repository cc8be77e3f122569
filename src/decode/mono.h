// Any sound to mono at 16 kHz: channels averaged first, then soxr's HQ resampler
// (gemma4-12b specification, section 6).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"

struct AVFrame;
struct soxr;

namespace carat::decode {

class MonoResampler {
 public:
  using Sink = std::function<void(std::span<const float> samples)>;

  static Result<MonoResampler> Create(int sample_rate, int channels);

  // Whether a block is of the same rate and channels.
  bool Takes(const AVFrame& block) const;
  // One block that Takes() takes.
  Status Push(const AVFrame& block, const Sink& sink);
  // `count` samples of the same rate that are nothing but silence.
  Status PushSilence(uint64_t count, const Sink& sink);
  // What the resampler still holds; the length is ceil(samples * 16000 / rate).
  Status Finish(const Sink& sink);

 private:
  struct Free {
    void operator()(soxr* p) const;
  };
  Status Take(std::span<const float> mono, const Sink& sink);
  Status Resample(std::span<const float> in, bool last, const Sink& sink);
  void Give(std::span<const float> samples, const Sink& sink);

  int rate_ = 0;
  int channels_ = 0;
  uint64_t taken_ = 0;                // samples in
  uint64_t given_ = 0;                // samples out
  std::unique_ptr<soxr, Free> soxr_;  // none where the rate is 16 kHz already
  std::vector<float> mono_, out_;
};

// Sound of more than kMaxSoundSeconds.
Error SoundTooLong(double seconds);

}  // namespace carat::decode
