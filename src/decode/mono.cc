#include "decode/mono.h"

#include <fmt/format.h>
#include <soxr.h>

extern "C" {
#include <libavutil/frame.h>
#include <libavutil/samplefmt.h>
}

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "media/limits.h"

namespace carat::decode {
namespace {

template <class T>
void AddChannel(const uint8_t* data, size_t stride, size_t count, double scale, double offset,
                std::vector<double>& sums) {
  const T* samples = reinterpret_cast<const T*>(data);
  for (size_t i = 0; i < count; ++i)
    sums[i] += (static_cast<double>(samples[i * stride]) - offset) * scale;
}

bool AddChannel(AVSampleFormat format, const uint8_t* data, size_t stride, size_t count,
                std::vector<double>& sums) {
  switch (format) {
    case AV_SAMPLE_FMT_U8:
      AddChannel<uint8_t>(data, stride, count, 1.0 / 128, 128, sums);
      return true;
    case AV_SAMPLE_FMT_S16:
      AddChannel<int16_t>(data, stride, count, 1.0 / 32768, 0, sums);
      return true;
    case AV_SAMPLE_FMT_S32:
      AddChannel<int32_t>(data, stride, count, 1.0 / 2147483648.0, 0, sums);
      return true;
    case AV_SAMPLE_FMT_FLT:
      AddChannel<float>(data, stride, count, 1, 0, sums);
      return true;
    case AV_SAMPLE_FMT_DBL:
      AddChannel<double>(data, stride, count, 1, 0, sums);
      return true;
    default:
      return false;
  }
}

}  // namespace

Error SoundTooLong(double seconds) {
  return {.code = ErrorCode::kUnsupported,
          .what = "the sound is too long",
          .wanted = fmt::format("at most {} hours", kMaxSoundSeconds / 3600),
          .found = fmt::format("{:.1f} hours", seconds / 3600)};
}

void MonoResampler::Free::operator()(soxr* p) const { soxr_delete(p); }

Result<MonoResampler> MonoResampler::Create(int sample_rate, int channels) {
  if (sample_rate < kMinSampleRate || sample_rate > kMaxSampleRate || channels < 1 ||
      channels > kMaxChannels) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "unusual sound",
                 .wanted = fmt::format("{} to {} Hz, at most {} channels", kMinSampleRate,
                                       kMaxSampleRate, kMaxChannels),
                 .found = fmt::format("{} Hz, {} channels", sample_rate, channels)});
  }
  MonoResampler mono;
  mono.rate_ = sample_rate;
  mono.channels_ = channels;
  if (sample_rate != kSampleRate) {
    const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    soxr_error_t error = nullptr;
    mono.soxr_.reset(soxr_create(sample_rate, kSampleRate, 1, &error, nullptr, &quality, nullptr));
    if (!mono.soxr_)
      return Fail({.code = ErrorCode::kNoMemory, .what = "the resampler could not be made"});
  }
  return mono;
}

void MonoResampler::Give(std::span<const float> samples, const Sink& sink) {
  given_ += samples.size();
  if (!samples.empty()) sink(samples);
}

Status MonoResampler::Resample(std::span<const float> in, bool last, const Sink& sink) {
  out_.resize(8192);
  bool more = true;
  while (more) {
    size_t used = 0, made = 0;
    const soxr_error_t error =
        soxr_process(soxr_.get(), last ? nullptr : in.data(), last ? 0 : in.size(), &used,
                     out_.data(), out_.size(), &made);
    if (error != nullptr) return Fail({.what = "the sound could not be resampled", .found = error});
    in = in.subspan(used);
    Give(std::span(out_).first(made), sink);
    more = !in.empty() || made == out_.size();
  }
  return {};
}

bool MonoResampler::Takes(const AVFrame& block) const {
  return block.sample_rate == rate_ && block.ch_layout.nb_channels == channels_;
}

Status MonoResampler::Push(const AVFrame& block, const Sink& sink) {
  CARAT_CHECK(Takes(block));
  const auto count = static_cast<size_t>(std::max(0, block.nb_samples));
  const auto format = static_cast<AVSampleFormat>(block.format);
  const bool planar = av_sample_fmt_is_planar(format) != 0;
  const AVSampleFormat packed = av_get_packed_sample_fmt(format);
  const auto bytes = static_cast<size_t>(std::max(0, av_get_bytes_per_sample(format)));
  std::vector<double> sums(count, 0.0);
  for (int c = 0; c < channels_; ++c) {
    const uint8_t* data =
        planar ? block.extended_data[c] : block.extended_data[0] + static_cast<size_t>(c) * bytes;
    if (!AddChannel(packed, data, planar ? 1 : static_cast<size_t>(channels_), count, sums))
      return Fail({.code = ErrorCode::kUnsupported, .what = "an unknown kind of samples"});
  }
  mono_.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const auto value = static_cast<float>(sums[i] / channels_);
    mono_[i] = std::isfinite(value) ? value : 0.0f;  // files of floats may hold what is no number
  }
  return Take(mono_, sink);
}

Status MonoResampler::PushSilence(uint64_t count, const Sink& sink) {
  const std::vector<float> zeros(static_cast<size_t>(std::min<uint64_t>(count, 1 << 16)), 0.0f);
  while (count > 0) {
    const auto some = std::span(zeros).first(std::min<size_t>(zeros.size(), count));
    CARAT_TRY(Take(some, sink));
    count -= some.size();
  }
  return {};
}

Status MonoResampler::Take(std::span<const float> mono, const Sink& sink) {
  taken_ += mono.size();
  const double seconds = static_cast<double>(taken_) / rate_;
  if (seconds > kMaxSoundSeconds) return Fail(SoundTooLong(seconds));
  if (soxr_) return Resample(mono, false, sink);
  Give(mono, sink);
  return {};
}

Status MonoResampler::Finish(const Sink& sink) {
  if (!soxr_) return {};
  const auto rate = static_cast<uint64_t>(rate_);
  const uint64_t wanted = (taken_ * kSampleRate + rate - 1) / rate;
  // The resampler rounds the length in its own way.
  const Sink trimmed = [&](std::span<const float> samples) {
    const uint64_t before = given_ - samples.size();
    if (before < wanted)
      sink(samples.first(static_cast<size_t>(std::min<uint64_t>(samples.size(), wanted - before))));
  };
  CARAT_TRY(Resample({}, true, trimmed));
  if (given_ < wanted) sink(std::vector<float>(static_cast<size_t>(wanted - given_), 0.0f));
  return {};
}

}  // namespace carat::decode
