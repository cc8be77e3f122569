// Padding.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace carat {

inline bool AllZero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace carat
