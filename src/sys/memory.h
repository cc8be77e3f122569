// How much memory there is.
#pragma once

#include <cstddef>
#include <filesystem>

namespace carat {

// Bytes that this process can still take without swapping, the page cache's included: the least of
// MemAvailable in /proc/meminfo and of what every control group that it is in leaves (versions 1
// and 2; cgroups(7)). SIZE_MAX where the system does not say. `root` is for tests.
size_t AvailableMemory(const std::filesystem::path& root = "/");

}  // namespace carat
