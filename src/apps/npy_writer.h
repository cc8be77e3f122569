// float32 arrays as .npy, version 1.0.
#pragma once

#include <filesystem>
#include <span>

#include "base/result.h"

namespace carat {

// Writes values [rows, cols] in C order, atomically.
Status WriteNpy(const std::filesystem::path& path, std::span<const float> values, size_t rows,
                size_t cols);

}  // namespace carat
