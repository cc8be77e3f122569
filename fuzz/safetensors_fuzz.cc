// Input: a safetensors file. The tensors that parse lie inside it and do not overlap.
//
// DEPS: weights
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "weights/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = carat::Safetensors::Parse(std::as_bytes(std::span(data, size)));
  if (!file.has_value()) {
    CARAT_CHECK(!file.error().what.empty());
    return 0;
  }
  CARAT_CHECK(file->tensors().TotalBytes() <= size);
  volatile size_t sum = 0;
  for (const carat::TensorEntry& entry : file->tensors().entries()) {
    CARAT_CHECK(carat::StorageBytes(entry.dtype, entry.shape) == entry.bytes.size());
    for (const std::byte b : entry.bytes) sum = sum + static_cast<size_t>(b);
  }
  return 0;
}
