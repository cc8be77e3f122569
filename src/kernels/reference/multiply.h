// Scalar quantise, and multiply of every format that has an interleaved order.
#pragma once

#include "kernels/kernels.h"

namespace carat::kernels::reference {

// Sets the multiply entries and quantise.
void FillMultiply(Table& table);

}  // namespace carat::kernels::reference
