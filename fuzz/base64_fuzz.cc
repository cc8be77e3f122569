// Base64 of data: URLs.
//
// DEPS: base
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/base64.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = carat::DecodeBase64({reinterpret_cast<const char*>(data), size});
  if (bytes && bytes->size() > size) std::abort();
  return 0;
}
