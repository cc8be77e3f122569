// Scalar quantise and multiply of every format that has an interleaved order.
#pragma once

#include "kernels/kernels.h"

namespace carat::kernels::reference {

void Quantise(const float* x, size_t t, const Batch& batch);

// Sets the multiply entries and quantise.
void FillMultiply(Table& table);

}  // namespace carat::kernels::reference
