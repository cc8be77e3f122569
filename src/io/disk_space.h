// Whether a file system has room, before something long is begun.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace carat {

// An error (kIo) where the file system of `folder`, or of the nearest folder above it that is
// there, has less room than `bytes`. One that does not say counts as large enough.
Status CheckFreeSpace(const std::filesystem::path& folder, uint64_t bytes);

}  // namespace carat
