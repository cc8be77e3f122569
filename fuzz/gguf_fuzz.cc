// Input: a GGUF file. Whatever parses is walked whole: every value, every array element, every
// tensor.
//
// DEPS: weights
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "weights/gguf.h"

namespace {

size_t Walk(const carat::GgufValue& value) {
  size_t seen = value.Describe().size();
  const carat::GgufArray* array = value.AsArray();
  if (array == nullptr) return seen;
  for (const std::string_view text : array->strings) seen += text.size();
  if (!array->is_integers()) return seen;
  for (uint64_t i = 0; i < array->count; ++i) seen += static_cast<size_t>(array->Integer(i) & 1);
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto gguf = carat::Gguf::Parse(std::as_bytes(std::span(data, size)));
  if (!gguf.has_value()) {
    CARAT_CHECK(!gguf.error().what.empty());
    return 0;
  }
  volatile size_t sum = 0;
  for (const carat::GgufPair& pair : gguf->metadata()) {
    CARAT_CHECK(gguf->Find(pair.key) == &pair.value);
    sum = sum + Walk(pair.value);
    (void)gguf->Ints(pair.key);
    (void)gguf->Number(pair.key);
  }
  for (const carat::TensorEntry& entry : gguf->tensors().entries()) {
    CARAT_CHECK(gguf->tensors().Find(entry.name) == &entry);
    CARAT_CHECK(carat::StorageBytes(entry.dtype, entry.shape) == entry.bytes.size());
    for (const std::byte b : entry.bytes) sum = sum + static_cast<size_t>(b);
  }
  return 0;
}
