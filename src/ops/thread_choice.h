// How many threads help.
#pragma once

#include <cstddef>
#include <span>

#include "kernels/kernels.h"

namespace carat {

// The fewest of `most`, its half and its quarter with which reading and multiplying, measured for
// some milliseconds, are as fast as with all `most` (within 3 %): two threads of one core, or cores
// that wait for the same memory, only take power and each other's time. `memory` is read; best
// more of it than the processor's caches hold.
int ThreadsThatHelp(const kernels::Table& table, std::span<const std::byte> memory, int most);

}  // namespace carat
