#include "tests/support/kernel_tables.h"

#include <algorithm>

#include "ops/usable_tables.h"

namespace carat {

const std::vector<const kernels::Table*>& Tables() {
  static const std::vector<const kernels::Table*> tables = [] {
    const kernels::TableList list = UsableTables();
    return std::vector<const kernels::Table*>(list.all().begin(), list.all().end());
  }();
  return tables;
}

std::vector<const kernels::Table*> DistinctTables() {
  std::vector<const kernels::Table*> distinct;
  for (const kernels::Table* table : Tables()) {
    const auto same = [&](const kernels::Table* other) {
      return other->exp_scores == table->exp_scores;
    };
    if (std::ranges::none_of(distinct, same)) distinct.push_back(table);
  }
  return distinct;
}

}  // namespace carat
