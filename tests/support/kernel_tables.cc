#include "tests/support/kernel_tables.h"

#include "sys/cpu_features.h"

namespace carat {

const std::vector<const kernels::Table*>& Tables() {
  static const std::vector<const kernels::Table*> tables = [] {
    const CpuFeatures cpu = DetectCpuFeatures();
    const auto list = kernels::SupportedTables({.avx2 = cpu.avx2, .avx512 = cpu.avx512});
    return std::vector<const kernels::Table*>(list.all().begin(), list.all().end());
  }();
  return tables;
}

}  // namespace carat
