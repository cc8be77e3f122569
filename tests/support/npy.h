// A reader for the float32 .npy files (version 1.0) that the golden scripts and `carat inspect`
// write.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"

namespace carat {

struct NpyFloats {
  std::vector<size_t> shape;
  std::vector<float> values;
};
Result<NpyFloats> ReadNpy(const std::filesystem::path& path);

}  // namespace carat
