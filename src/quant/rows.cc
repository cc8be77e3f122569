#include "quant/rows.h"

#include "base/check.h"
#include "quant/row_makers.h"

namespace carat {
namespace {

using namespace quant_internal;

// Null for a format that is not made.
RowMaker MakerOf(DType type) {
  switch (type) {
    case DType::kF32:
      return MakeF32;
    case DType::kF16:
      return MakeF16;
    case DType::kBF16:
      return MakeBF16;
    case DType::kQ8_0:
      return MakeQ8_0;
    case DType::kQ4_0:
      return MakeQ4_0;
    case DType::kQ4_1:
      return MakeQ4_1;
    case DType::kQ5_0:
      return MakeQ5_0;
    case DType::kQ5_1:
      return MakeQ5_1;
    case DType::kQ2_K:
      return MakeQ2_K;
    case DType::kQ3_K:
      return MakeQ3_K;
    case DType::kQ4_K:
      return MakeQ4_K;
    case DType::kQ5_K:
      return MakeQ5_K;
    case DType::kQ6_K:
      return MakeQ6_K;
    case DType::kMXFP4:
      return MakeMXFP4;
    default:
      return nullptr;
  }
}

}  // namespace

bool CanQuantise(DType type) { return MakerOf(type) != nullptr; }

void QuantiseRows(DType type, const float* src, size_t rows, size_t cols, const float* importance,
                  std::byte* dst) {
  const DTypeInfo& info = Info(type);
  const RowMaker make = MakerOf(type);
  CARAT_CHECK(make != nullptr && cols % info.block_elements == 0);
  const size_t row_bytes = cols / info.block_elements * info.block_bytes;
  for (size_t row = 0; row < rows; ++row)
    make(src + row * cols, cols, importance, dst + row * row_bytes);
}

}  // namespace carat
