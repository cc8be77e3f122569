// How much memory there is.
#pragma once

#include <cstddef>

namespace carat {

// Bytes that programs can still take without swapping, the page cache's included: MemAvailable of
// /proc/meminfo. SIZE_MAX where the system does not say.
size_t AvailableMemory();

}  // namespace carat
