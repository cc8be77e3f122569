#include "kernels/select.h"

#include "tensor/dtype.h"

namespace carat::kernels {

static_assert(kNumFormats == kNumWeightDTypes);
static_assert(static_cast<int>(DType::kF32) == 0 && static_cast<int>(DType::kF16) == 1 &&
              static_cast<int>(DType::kBF16) == 2);

namespace {

Table Filled(Table table) {
  const Table& reference = ReferenceTable();
  const auto fill = [](auto& entry, const auto& fallback) {
    if (entry == nullptr) entry = fallback;
  };
  for (int i = 0; i < kNumFormats; ++i) fill(table.decode[i], reference.decode[i]);
  for (int i = 0; i < kNumCacheFormats; ++i) {
    fill(table.dot_keys[i], reference.dot_keys[i]);
    fill(table.mix_values[i], reference.mix_values[i]);
  }
  fill(table.matmul, reference.matmul);
  fill(table.rms_norm, reference.rms_norm);
  fill(table.gelu_mul, reference.gelu_mul);
  fill(table.softmax, reference.softmax);
  return table;
}

}  // namespace

TableList SupportedTables(const Available& available) {
  TableList list;
#if defined(__x86_64__)
  static const Table avx512 = Filled(Avx512Table());
  static const Table avx2 = Filled(Avx2Table());
  if (available.avx512) list.tables[list.count++] = &avx512;
  if (available.avx2) list.tables[list.count++] = &avx2;
#else
  static_cast<void>(available);
#endif
  list.tables[list.count++] = &ReferenceTable();
  return list;
}

const Table* TableList::Find(std::string_view name) const {
  for (const Table* table : all()) {
    if (name == table->name) return table;
  }
  return nullptr;
}

}  // namespace carat::kernels
