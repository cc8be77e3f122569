// Which frames a film has and when, found by reading its packets: containers lie about it.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "decode/container.h"

namespace carat::decode {

struct FilmIndex {
  int64_t frames = 0;
  // The time of each frame in the stream's units, rising; empty if the file does not tell every
  // frame's time.
  std::vector<int64_t> times;
  // The times of those that the file marks as decodable without others, rising.
  std::vector<int64_t> keys;
  // As Container::damaged.
  bool damaged = false;
};

// Reads the container to its end. Errors: more frames than media/limits.h, kNoMemory.
Result<FilmIndex> ReadFilmIndex(Container& container);

}  // namespace carat::decode
