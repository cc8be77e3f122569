// The content of the golden media: tools/make_media_goldens.py has the same generator.
#pragma once

#include <cstdint>
#include <vector>

namespace carat {

// The high bytes of a linear congruential generator.
inline std::vector<uint8_t> NoiseBytes(uint32_t seed, size_t count) {
  std::vector<uint8_t> bytes(count);
  for (uint8_t& byte : bytes) {
    seed = seed * 1664525u + 1013904223u;
    byte = static_cast<uint8_t>(seed >> 24);
  }
  return bytes;
}

// Samples in -1..1.
inline std::vector<float> NoiseSamples(uint32_t seed, size_t count) {
  std::vector<float> samples;
  for (const uint8_t byte : NoiseBytes(seed, count))
    samples.push_back((static_cast<float>(byte) - 128.0f) / 128.0f);
  return samples;
}

}  // namespace carat
