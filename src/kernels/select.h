// Which kernel tables this build holds and which of them this processor can run, best first.
#pragma once

#include <span>
#include <string_view>

#include "kernels/kernels.h"

namespace carat::kernels {

// What the processor can do; filled by the caller (sys/cpu_features.h), so that a test can ask for
// less.
struct Available {
  bool avx2 = false;
  bool avxvnni = false;  // counts with avx2 only
  bool avx512 = false;
  bool avx512vnni = false;  // counts with avx512 only
  bool amx = false;         // counts with avx512vnni only
};

// Runnable tables, best first; the last is always the reference table. At most 6.
struct TableList {
  const Table* tables[6] = {};
  int count = 0;
  std::span<const Table* const> all() const { return {tables, static_cast<size_t>(count)}; }
  const Table& best() const { return *tables[0]; }
  // The table of this name ("reference", "avx2", "avxvnni", "avx512", "avx512vnni",
  // "amx"), or null.
  const Table* Find(std::string_view name) const;
};

TableList SupportedTables(const Available& available);

}  // namespace carat::kernels
