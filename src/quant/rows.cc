#include "quant/rows.h"

#include "base/check.h"
#include "quant/row_makers.h"

namespace carat {
namespace {

namespace make = quant_internal::make;
using quant_internal::RowMaker;

// Null for a format that is not made.
RowMaker MakerOf(DType type) {
  switch (type) {
    case DType::kF32:
      return make::F32;
    case DType::kF16:
      return make::F16;
    case DType::kBF16:
      return make::BF16;
    case DType::kQ8_0:
      return make::Q8_0;
    case DType::kQ4_0:
      return make::Q4_0;
    case DType::kQ4_1:
      return make::Q4_1;
    case DType::kQ5_0:
      return make::Q5_0;
    case DType::kQ5_1:
      return make::Q5_1;
    case DType::kQ2_K:
      return make::Q2_K;
    case DType::kQ3_K:
      return make::Q3_K;
    case DType::kQ4_K:
      return make::Q4_K;
    case DType::kQ5_K:
      return make::Q5_K;
    case DType::kQ6_K:
      return make::Q6_K;
    case DType::kMXFP4:
      return make::MXFP4;
    default:
      return nullptr;
  }
}

}  // namespace

bool CanQuantise(DType type) { return MakerOf(type) != nullptr; }

void QuantiseRows(DType type, const float* src, size_t rows, size_t cols, const float* importance,
                  std::byte* dst) {
  const DTypeInfo& info = Info(type);
  const RowMaker maker = MakerOf(type);
  CARAT_CHECK(maker != nullptr && cols % info.block_elements == 0);
  const size_t row_bytes = cols / info.block_elements * info.block_bytes;
  for (size_t row = 0; row < rows; ++row)
    maker(src + row * cols, cols, importance, dst + row * row_bytes);
}

}  // namespace carat
