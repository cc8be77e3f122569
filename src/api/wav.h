// Samples as a file that media decoders read back exactly.
#pragma once

#include <span>
#include <string>

namespace carat {

// "data:audio/wav;base64,…": mono, 16 kHz, 32-bit floats.
std::string WavUrl(std::span<const float> samples);

}  // namespace carat
