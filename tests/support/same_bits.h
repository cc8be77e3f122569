// Floats compared as bits: a zero's sign and what is not a number count.
#pragma once

#include <cstring>
#include <span>

namespace carat {

inline bool SameBits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace carat
