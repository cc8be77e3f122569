#include "kernels/select.h"

#include "tensor/dtype.h"

namespace carat::kernels {

static_assert(kNumFormats == kNumWeightDTypes);
static_assert(static_cast<int>(DType::kF32) == 0 && static_cast<int>(DType::kF16) == 1 &&
              static_cast<int>(DType::kBF16) == 2 && static_cast<int>(DType::kQ8_0) == 3);

namespace {

// The table with the base's entries where it has none; prompts go its own way or none.
Table Over(Table table, const Table& base) {
  const auto fill = [](auto& entry, const auto& fallback) {
    if (entry == nullptr) entry = fallback;
  };
  for (int i = 0; i < kNumFormats; ++i) {
    fill(table.decode[i], base.decode[i]);
    fill(table.multiply[i], base.multiply[i]);
  }
  fill(table.quantise, base.quantise);
  for (int i = 0; i < kNumCacheFormats; ++i) {
    fill(table.dot_keys[i], base.dot_keys[i]);
    fill(table.mix_values[i], base.mix_values[i]);
  }
  fill(table.matmul, base.matmul);
  fill(table.rms_norm, base.rms_norm);
  fill(table.gelu_mul, base.gelu_mul);
  fill(table.exp_scores, base.exp_scores);
  fill(table.read, base.read);
  fill(table.matrix_steps, base.matrix_steps);
  return table;
}

}  // namespace

TableList SupportedTables(const Available& available) {
  TableList list;
#if defined(__x86_64__)
  static const Table avx2 = Over(Avx2Table(), ReferenceTable());
  static const Table avxvnni = Over(AvxVnniTable(), avx2);
  static const Table avx512 = Over(Avx512Table(), ReferenceTable());
  static const Table avx512vnni = Over(Avx512VnniTable(), avx512);
  static const Table amx = Over(AmxTable(), avx512vnni);
  const auto offer = [&](bool usable, const Table& table) {
    if (usable) list.tables[list.count++] = &table;
  };
  offer(available.avx512 && available.avx512vnni && available.amx, amx);
  offer(available.avx512 && available.avx512vnni, avx512vnni);
  offer(available.avx512, avx512);
  offer(available.avx2 && available.avxvnni, avxvnni);
  offer(available.avx2, avx2);
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
