// GgufWriter: bytes of GGUF files for tests, sound ones and broken ones (gguf specification,
// section 1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "tests/support/added_tokens.h"

namespace carat {

// The little-endian bytes of a number, and a length-prefixed GGUF string.
template <class T>
std::string NumberBytes(T value) {
  static_assert(std::is_arithmetic_v<T>);
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}
std::string StringBytes(std::string_view text);

// Metadata keeps the order in which keys were set first; setting a key again replaces its value.
class GgufWriter {
 public:
  explicit GgufWriter(uint32_t version = 3) : version_(version) {}

  // A value by its type number (section 1.2) and its bytes, however wrong they are.
  GgufWriter& Raw(std::string_view key, uint32_t type, std::string_view bytes);
  GgufWriter& U32(std::string_view key, uint32_t value) { return Raw(key, 4, NumberBytes(value)); }
  GgufWriter& I32(std::string_view key, int32_t value) { return Raw(key, 5, NumberBytes(value)); }
  GgufWriter& F32(std::string_view key, float value) { return Raw(key, 6, NumberBytes(value)); }
  GgufWriter& Bool(std::string_view key, bool value) {
    return Raw(key, 7, value ? std::string_view("\1", 1) : std::string_view("\0", 1));
  }
  GgufWriter& String(std::string_view key, std::string_view value) {
    return Raw(key, 8, StringBytes(value));
  }
  GgufWriter& Strings(std::string_view key, const std::vector<std::string>& values);
  GgufWriter& I32s(std::string_view key, const std::vector<int32_t>& values);
  GgufWriter& Bools(std::string_view key, const std::vector<bool>& values);
  // Adds the pair even if the key is there.
  GgufWriter& Again(std::string_view key, uint32_t type, std::string_view bytes);
  GgufWriter& Remove(std::string_view key);
  std::vector<std::string> Keys() const;

  // Adds or replaces a tensor. `dims` as in the file, innermost first. Without an offset its data
  // stands behind that of the tensor before it, aligned.
  GgufWriter& Tensor(std::string_view name, uint32_t type, std::vector<uint64_t> dims,
                     std::string data, std::optional<uint64_t> offset = {});
  GgufWriter& Floats(std::string_view name, std::vector<uint64_t> dims,
                     const std::vector<float>& values);
  // F32, every element `value`.
  GgufWriter& Filled(std::string_view name, std::vector<uint64_t> dims, float value);
  GgufWriter& RemoveTensor(std::string_view name);
  std::vector<std::string> TensorNames() const;

  // How tensor data is aligned; says nothing in the metadata.
  GgufWriter& Alignment(uint64_t alignment);
  std::string Build() const;

 private:
  struct Pair {
    std::string key, bytes;  // bytes: type and value
  };
  struct Info {
    std::string name;
    uint32_t type;
    std::vector<uint64_t> dims;
    std::string data;
    std::optional<uint64_t> offset;
  };
  uint32_t version_;
  uint64_t alignment_ = 32;
  std::vector<Pair> pairs_;
  std::vector<Info> tensors_;
};

// Sizes of the small models that tests write: the true architecture, one layer of each kind.
struct SmallSizes {
  uint32_t hidden = 32, intermediate = 64, heads = 2, vocab = 300;
  uint32_t sliding_head = 32, sliding_kv = 2, global_head = 64, global_kv = 1;
};

// A complete Gemma 4 text model without a tokenizer: every key of section 2.1, every tensor of
// section 3.1, all F32. Layer 0 is sliding, layer 1 global. Matrices hold zeros, norms ones.
GgufWriter SmallModel(const SmallSizes& sizes = {});

// The keys of section 4.1 for 24 added tokens, 256 byte tokens and `more` (ids 280 and up).
struct SmallVocabulary {
  std::vector<std::string> tokens, merges;
  std::vector<int32_t> types;
};
SmallVocabulary MakeSmallVocabulary(const std::vector<std::string>& more = {});
void AddVocabulary(const SmallVocabulary& vocabulary, GgufWriter& gguf);

// The GGUF type that converters give an added token (section 4.1): 1, 3 or 4.
int32_t AddedTokenType(std::string_view text);

}  // namespace carat
