// What this machine could do: its memory and its unit for matrices, measured with a pool's threads.
#pragma once

#include <cstddef>
#include <span>

#include "kernels/kernels.h"
#include "sys/thread_pool.h"

namespace carat {

// Seconds that all threads take to read these bytes, a few at the end of each run aside.
double SecondsToRead(ThreadPool& pool, const kernels::Table& table,
                     std::span<const std::span<const std::byte>> runs);

// Products per second that all threads add up in about so many seconds
// (kernels::Table::matrix_steps).
double ProductsPerSecond(ThreadPool& pool, const kernels::Table& table, double seconds);

}  // namespace carat
