#include "ops/usable_tables.h"

#include "sys/cpu_features.h"

namespace carat {

kernels::TableList UsableTables() {
  const CpuFeatures cpu = DetectCpuFeatures();
  return kernels::SupportedTables({.avx2 = cpu.avx2,
                                   .avxvnni = cpu.avxvnni,
                                   .avx512 = cpu.avx512,
                                   .avx512vnni = cpu.avx512vnni,
                                   .amx = cpu.amx});
}

}  // namespace carat
