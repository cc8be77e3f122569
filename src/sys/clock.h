// Seconds on a clock that never goes back.
#pragma once

#include <chrono>

namespace carat {

inline double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace carat
