// The two clocks.
#pragma once

#include <chrono>
#include <cstdint>

namespace carat {

// Seconds on a clock that never goes back.
inline double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Milliseconds since 1970, UTC, as the machine's clock is set.
inline int64_t UnixMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace carat
