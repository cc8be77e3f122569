// The kernel tables that a test can run on this processor.
#pragma once

#include <vector>

#include "kernels/select.h"

namespace carat {

// Best first; the last is the reference table. They live as long as the program.
const std::vector<const kernels::Table*>& Tables();

// Those of them that can give different numbers: products with interleaved weights have the same
// bits in every table (kernels/multiply_test.cc), so of tables that differ in them alone the best
// stands for all.
std::vector<const kernels::Table*> DistinctTables();

}  // namespace carat
