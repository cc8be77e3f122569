// The kernel tables that this processor runs.
#pragma once

#include "kernels/select.h"

namespace carat {

kernels::TableList UsableTables();

}  // namespace carat
