// Locks the process in before it looks at a byte of a file.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace carat::decode {

struct Bounds {
  uint64_t memory_bytes = 0;
  uint64_t cpu_seconds = 0;
};

// Sanitizers map terabytes and call what is forbidden here: in their builds, and only there, there
// is no cage, and LockDown does nothing.
#ifdef CARAT_SANITIZED
inline constexpr bool kHasCage = false;
#else
inline constexpr bool kHasCage = true;
#endif

// After this the process can read what is on descriptor 0, write to descriptor 1, compute, and end;
// every other system call kills it. It has no core dump, starts no process and makes no file.
Status LockDown(const Bounds& bounds);

}  // namespace carat::decode
