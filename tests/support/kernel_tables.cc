#include "tests/support/kernel_tables.h"

#include "ops/usable_tables.h"

namespace carat {

const std::vector<const kernels::Table*>& Tables() {
  static const std::vector<const kernels::Table*> tables = [] {
    const kernels::TableList list = UsableTables();
    return std::vector<const kernels::Table*>(list.all().begin(), list.all().end());
  }();
  return tables;
}

}  // namespace carat
