// Medium: a picture, a frame of a video or a piece of sound, ready to become soft tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/ids.h"
#include "media/resize.h"

namespace carat {

enum class MediumKind {
  kPicture,
  kFrame,  // of a video
  kSound,
};

// Says what stands at a position beside its id: 0 for text, else a hash of the content. Equal ids
// and equal keys are the same beginning of a timeline, so that a prefix with the same picture is
// reused.
using ContentKey = uint64_t;

// Immutable once made.
class Medium {
 public:
  // Pixels whose sides are multiples of kPatchSide (FittedSize). `kind` is not kSound.
  static Medium FromPixels(MediumKind kind, Pixels pixels);
  // Mono samples in -1..1 at 16 kHz; the last frame is filled up with silence.
  static Medium FromSamples(std::vector<float> samples);

  MediumKind kind() const { return kind_; }
  size_t num_tokens() const { return keys_.size(); }
  const Pixels& pixels() const { return pixels_; }                // of a picture or frame
  const std::vector<float>& samples() const { return samples_; }  // of sound: whole frames
  const std::vector<ContentKey>& keys() const { return keys_; }   // one per soft token

 private:
  explicit Medium(MediumKind kind) : kind_(kind) {}

  MediumKind kind_;
  Pixels pixels_;
  std::vector<float> samples_;
  std::vector<ContentKey> keys_;
};

inline constexpr size_t kFrameSamples = 640;  // of one soft token: 40 ms

// A medium in a prompt: its soft tokens stand at positions at, at + 1, …
struct PromptMedium {
  Pos at = 0;
  std::shared_ptr<const Medium> medium;
  Pos end() const { return at + static_cast<Pos>(medium->num_tokens()); }
  // Its tokens see each other, so they are computed in one pass.
  bool is_block() const { return medium->kind() != MediumKind::kSound; }
};

}  // namespace carat
