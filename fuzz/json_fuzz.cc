// Input: a JSON text. What parses is written, compact and indented, and read again: it must be the
// same.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/utf8.h"
#include "io/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto json = carat::ParseJson(text);
  if (!json.has_value()) {
    CARAT_CHECK(!json.error().what.empty() && carat::IsValidUtf8(json.error().Message()));
    return 0;
  }
  CARAT_CHECK(carat::IsValidUtf8(text));
  const std::string compact = json->Dump();
  for (const int indent : {0, 1, 4}) {
    const auto again = carat::ParseJson(json->Dump(indent));
    CARAT_CHECK(again.has_value() && again->Dump() == compact);
  }
  return 0;
}
