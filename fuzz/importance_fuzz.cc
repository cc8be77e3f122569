// Input: an importance matrix of the older form.
//
// DEPS: convert
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "convert/importance.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto importance = carat::ParseOldImportance(std::as_bytes(std::span(data, size)));
  if (!importance) {
    CARAT_CHECK(!importance.error().what.empty());
    return 0;
  }
  for (const auto& [name, columns] : importance->columns) {
    CARAT_CHECK(!name.empty() && importance->Find(name).size() == columns.size());
    for (const float v : columns) CARAT_CHECK(std::isfinite(v) && v >= 0);
  }
  return 0;
}
