// Where a pass spends its time.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "sys/clock.h"

namespace carat {

enum class Stage {
  kEmbed,      // ids and media to rows
  kNorms,      // norms and sums of the residual stream
  kQkv,        // queries, keys, values
  kRope,       // their norms and rotations, and storing them
  kAttention,  // scores, softmax, mix
  kOutput,     // the attention's matrix
  kGateUp,     // the feed-forward's first matrices
  kGelu,
  kDown,  // its last matrix
  kHead,  // logits
};
inline constexpr size_t kNumStages = 10;
inline constexpr std::string_view kStageNames[kNumStages] = {
    "embed", "norms", "qkv", "rope", "attention", "output", "gate_up", "gelu", "down", "head"};

// Adds up the time between Start and Stop by stages, none left out. One thread.
class Profile {
 public:
  void Start() {
    running_ = true;
    stage_ = Stage::kEmbed;
    since_ = Now();
  }
  void Enter(Stage stage) {
    if (!running_) return;
    const double now = Now();
    seconds_[static_cast<size_t>(stage_)] += now - since_;
    since_ = now;
    stage_ = stage;
  }
  void Stop() {
    Enter(Stage::kEmbed);
    running_ = false;
  }
  const std::array<double, kNumStages>& seconds() const { return seconds_; }
  void Clear() { seconds_ = {}; }

 private:
  bool running_ = false;
  Stage stage_ = Stage::kEmbed;
  double since_ = 0;
  std::array<double, kNumStages> seconds_ = {};
};

}  // namespace carat
