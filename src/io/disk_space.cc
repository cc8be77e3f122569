#include "io/disk_space.h"

#include <fmt/format.h>

namespace carat {

Status CheckFreeSpace(const std::filesystem::path& folder, uint64_t bytes) {
  std::error_code failed;
  std::filesystem::path at = std::filesystem::absolute(folder, failed);
  while (!std::filesystem::exists(at, failed) && at.has_relative_path()) at = at.parent_path();
  const auto space = std::filesystem::space(at, failed);
  if (failed || space.available >= bytes) return {};
  const auto gb = [](uint64_t n) { return fmt::format("{:.2f} GB", static_cast<double>(n) / 1e9); };
  return Fail({.code = ErrorCode::kIo,
               .what = "the disk has too little room",
               .where = folder.string(),
               .wanted = gb(bytes),
               .found = gb(space.available)});
}

}  // namespace carat
