// The kernel tables that a test can run on this processor.
#pragma once

#include <vector>

#include "kernels/select.h"

namespace carat {

// Best first; the last is the reference table. They live as long as the program.
const std::vector<const kernels::Table*>& Tables();

}  // namespace carat
