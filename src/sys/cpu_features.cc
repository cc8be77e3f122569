#include "sys/cpu_features.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

namespace carat {

#if defined(__x86_64__)
namespace {

bool HasTiles() {
  constexpr unsigned kTiles = 1u << 24 | 1u << 25 | 1u << 22;  // leaf 7, EDX: tiles, bytes, bf16
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & kTiles) == kTiles &&
         __builtin_cpu_supports("avx512bf16");
}

// Linux gives a process the tiles' 8 KiB of state only if it asks (arch_prctl(2), since 5.16).
bool MayUseTiles() {
  constexpr int kRequest = 0x1023, kTileData = 18;
  return ::syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
}

}  // namespace
#endif

CpuFeatures DetectCpuFeatures() {
  CpuFeatures features;
#if defined(__x86_64__)
  __builtin_cpu_init();
  features.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("f16c");
  features.avx512 = features.avx2 && __builtin_cpu_supports("avx512f") &&
                    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl");
  features.avxvnni = features.avx2 && __builtin_cpu_supports("avxvnni");
  features.amx = HasTiles() && MayUseTiles();
  features.avx512vnni = features.avx512 && __builtin_cpu_supports("avx512vnni");
#endif
  return features;
}

int UsableProcessors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace carat
