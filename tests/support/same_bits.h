// Floats compared as bits: a zero's sign and what is not a number count.
#pragma once

#include <cstring>
#include <vector>

namespace carat {

inline bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace carat
