// GgufHeader: the beginning of a GGUF file of version 3 that is to be written (gguf specification,
// section 1): everything before the tensors' data, and where each tensor's data go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensor/dtype.h"
#include "weights/gguf.h"

namespace carat {

// Pairs and tensors stand in the order in which they were added.
class GgufHeader {
 public:
  explicit GgufHeader(uint64_t alignment = 32) : alignment_(alignment) {}

  // A key that stands there already is taken away first: the new pair is the last. An alignment
  // that is not 32 must be set as general.alignment by whoever adds pairs.
  void SetBool(std::string_view key, bool value);
  void SetUint32(std::string_view key, uint32_t value);
  void SetInt32(std::string_view key, int32_t value);
  void SetFloat32(std::string_view key, float value);
  void SetString(std::string_view key, std::string_view value);
  void SetStrings(std::string_view key, std::span<const std::string> values);
  void SetInts(std::string_view key, std::span<const int32_t> values);
  void SetFloats(std::string_view key, std::span<const float> values);
  void SetBools(std::string_view key, std::span<const bool> values);
  // A pair of another file, byte for byte.
  void SetStored(const GgufPair& pair);
  void Remove(std::string_view key);

  // `shape` is outermost first, as everywhere in carat; StorageBytes(dtype, shape) must exist.
  void AddTensor(std::string_view name, DType dtype, std::span<const uint64_t> shape);

  size_t num_tensors() const { return tensors_.size(); }
  uint64_t bytes_of(size_t tensor) const { return tensors_[tensor].bytes; }
  // Where a tensor's data go in the file, once all pairs and tensors are there.
  uint64_t place_of(size_t tensor) const { return size() + tensors_[tensor].offset; }
  uint64_t size() const;       // of the header, padding included: the data begin here
  uint64_t file_size() const;  // with all data and the padding behind them
  uint64_t Padded(uint64_t bytes) const {
    return (bytes + alignment_ - 1) / alignment_ * alignment_;
  }
  std::string Bytes() const;

 private:
  struct Tensor {
    std::string name;
    DType dtype = DType::kF32;
    std::vector<uint64_t> shape;
    uint64_t bytes = 0, offset = 0;
  };
  void Set(std::string_view key, std::string value);

  uint64_t alignment_;
  std::vector<std::pair<std::string, std::string>> pairs_;  // key; type and value as stored
  std::vector<Tensor> tensors_;
  uint64_t data_bytes_ = 0;
};

}  // namespace carat
