#include "media/sound_cutter.h"

#include <algorithm>
#include <utility>

#include "media/limits.h"

namespace carat {
namespace {

constexpr size_t kRate = kSampleRate;
constexpr size_t kStep = kRate / 50;  // 20 ms: one measure of loudness
constexpr size_t kPauseSteps = 15;    // 300 ms: what is looked for as a pause
// Mean squares below this are silence: 60 dB under full scale.
constexpr double kSilence = 1e-6;

std::vector<double> Loudness(std::span<const float> samples) {
  std::vector<double> steps;
  for (size_t at = 0; at + kStep <= samples.size(); at += kStep) {
    double sum = 0;
    for (const float x : samples.subspan(at, kStep)) sum += double{x} * double{x};
    steps.push_back(sum / kStep);
  }
  return steps;
}

// Where to cut a full piece: in the middle of its quietest pause, the latest of equals.
size_t BestCut(std::span<const float> samples, int min_seconds) {
  const std::vector<double> steps = Loudness(samples);
  const size_t from = static_cast<size_t>(min_seconds) * kRate / kStep;
  double sum = 0, least = 0;
  size_t best = steps.size();  // no pause to be found: the end
  for (size_t i = from; i < steps.size(); ++i) {
    sum += steps[i];
    if (i + 1 < from + kPauseSteps) continue;
    if (best == steps.size() || sum <= least) {
      least = sum;
      best = i + 1 - kPauseSteps / 2;
    }
    sum = std::max(0.0, sum - steps[i + 1 - kPauseSteps]);
  }
  return best * kStep;
}

}  // namespace

Status SoundCutter::Cut(size_t length, const Sink& sink) {
  SoundPiece piece{.begin = begin_, .samples = {}, .speech_begin = begin_, .speech_end = begin_};
  const auto end = held_.begin() + static_cast<std::ptrdiff_t>(length);
  std::vector<float> rest(end, held_.end());
  held_.resize(length);
  piece.samples = std::exchange(held_, std::move(rest));
  const std::vector<double> steps = Loudness(piece.samples);
  const auto loud = [](double step) { return step >= kSilence; };
  if (const auto first = std::ranges::find_if(steps, loud); first != steps.end()) {
    const auto last = std::find_if(steps.rbegin(), steps.rend(), loud).base();
    piece.speech_begin += static_cast<uint64_t>(first - steps.begin()) * kStep;
    piece.speech_end += static_cast<uint64_t>(last - steps.begin()) * kStep;
  }
  begin_ += length;
  return sink(std::move(piece));
}

Status SoundCutter::Push(std::span<const float> samples, const Sink& sink) {
  const size_t most = static_cast<size_t>(options_.max_seconds) * kRate;
  while (!samples.empty()) {
    const size_t taken = std::min(samples.size(), most - held_.size());
    held_.insert(held_.end(), samples.begin(),
                 samples.begin() + static_cast<std::ptrdiff_t>(taken));
    samples = samples.subspan(taken);
    // A piece is cut only when more is to come, so that a recording of max_seconds stays whole.
    if (held_.size() == most && !samples.empty())
      CARAT_TRY(Cut(BestCut(held_, options_.min_seconds), sink));
  }
  return {};
}

Status SoundCutter::Finish(const Sink& sink) {
  return held_.empty() ? Status() : Cut(held_.size(), sink);
}

}  // namespace carat
