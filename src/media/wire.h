// What carat-decode writes to its parent: messages of a header and a body, in the machine's own
// byte order, since both run here. The parent believes none of it (decoder_process.cc).
#pragma once

#include <cstdint>

namespace carat::wire {

enum class Kind : uint32_t {
  kError = 1,  // body: an ErrorCode, then what, where, wanted and found, each ended by a zero byte
  kPicture,    // body: PictureHead, then its pixels [height, width, 3]
  kFrame,      // likewise, of a film
  kSamples,    // body: float samples, mono, 16 kHz
  kInfo,       // body: Info
  kProgress,   // body: a double, the share of the file that was passed; may come at any time
  kEnd,        // no body; the last message
  kDamaged,    // no body; Damage::kSome, once at most
};

struct Header {
  Kind kind;
  uint32_t reserved = 0;
  uint64_t size = 0;  // of the body, bytes
};

struct PictureHead {
  uint32_t height = 0;
  uint32_t width = 0;
  int64_t index = 0;   // of a frame in its film
  double seconds = 0;  // when it is shown
};

// What is known before anything is decoded; 0 where it does not apply or is not known.
struct Info {
  uint32_t width = 0;  // of the picture or the film, upright
  uint32_t height = 0;
  uint32_t sample_rate = 0;
  uint32_t channels = 0;
  uint32_t has_picture = 0;  // a stream of pictures, or a picture
  uint32_t has_sound = 0;
  double seconds = 0;
  double frames_per_second = 0;
};

inline constexpr int kProgressMs = 200;                         // between two kProgress
inline constexpr uint64_t kMaxSamplesBody = uint64_t{1} << 20;  // bytes of one kSamples
inline constexpr uint64_t kMaxErrorBody = 4096;

}  // namespace carat::wire
