// carat-point as the files that people download: GGUF in any format, made by `carat quantize`.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "tests/support/run_carat.h"

namespace carat {

// point.gguf in the format, mmproj-point.gguf and point-mtp.gguf in BF16.
inline void PointGgufs(const std::filesystem::path& folder, const std::string& type) {
  std::filesystem::create_directories(folder);
  const std::string point = PointFolder().string();
  for (const auto& [from, to] : {std::pair(point, "point.gguf " + type),
                                 {point + " --part embedders", "mmproj-point.gguf BF16"},
                                 {point + "/assistant", "point-mtp.gguf BF16"}}) {
    const Ran ran = RunCarat("quantize --quiet " + from + " " + folder.string() + "/" + to);
    ASSERT_EQ(ran.code, 0) << ran.err;
  }
}

}  // namespace carat
