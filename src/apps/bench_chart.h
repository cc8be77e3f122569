// A drawing of measured figures.
#pragma once

#include <string>

#include "apps/bench.h"

namespace carat {

// SVG: a bar for each record, as long as its share of what the machine could do.
std::string BenchChart(const BenchReport& report);

}  // namespace carat
