// The tensors of a model file, by name: the common result of the GGUF and the safetensors reader.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "tensor/dtype.h"

namespace carat {

// One stored tensor. Borrows its bytes from the mapped file, or from a bundle.
struct TensorEntry {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<uint64_t> shape;  // outermost dimension first, as in PyTorch; rank 0 to 8
  std::span<const std::byte> bytes;
  bool interleaved = false;  // the bytes are in the kernels' order (a bundle's)
  // The file's word for the type, where that is not Info(dtype).name (U8 is read as I8). Static.
  std::string_view stored_type = {};

  std::string_view TypeName() const { return stored_type.empty() ? Info(dtype).name : stored_type; }
  uint64_t elements() const;
  std::string ShapeText() const;  // "[512, 64]"
};

// Names are unique. Order is the file's.
class TensorDirectory {
 public:
  // Fails if the name stands there already.
  Status Add(TensorEntry entry);
  // Null if there is none.
  const TensorEntry* Find(std::string_view name) const;
  std::span<const TensorEntry> entries() const { return entries_; }
  uint64_t TotalBytes() const;
  uint64_t TotalElements() const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::vector<TensorEntry> entries_;
  std::unordered_map<std::string, size_t, Hash, std::equal_to<>> index_;
};

// Bytes of a tensor, or an error if the row length does not fit the format or a product overflows.
// `shape` is outermost first; its last dimension is the row.
Result<uint64_t> StorageBytes(DType dtype, std::span<const uint64_t> shape);

// Where a tensor's data stands in its file: bytes [begin, end).
struct StoredRange {
  std::string_view name;
  uint64_t begin = 0, end = 0;
};
// Fails where two tensors share bytes. An empty one shares none where it begins as another does.
Status CheckOverlap(std::vector<StoredRange> ranges);

std::string ShapeText(std::span<const uint64_t> shape);

}  // namespace carat
