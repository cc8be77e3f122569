// What this processor can do, asked once.
#pragma once

#include <string>

namespace carat {

struct CpuFeatures {
  bool avx2 = false;  // with FMA and F16C, as every AVX2 processor since 2013 has
  bool avxvnni = false;
  bool avx512 = false;  // F, BW, DQ and VL
  bool avx512vnni = false;
  bool amx = false;  // tiles of bytes and of bf16, and the system lets this process use them
};

// Asks the system for AMX where the processor has it.
CpuFeatures DetectCpuFeatures();

// Processors that this process may use (its affinity mask), at least 1.
int UsableProcessors();

}  // namespace carat
