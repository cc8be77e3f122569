// Where the bytes of model files lie: in a folder, or in a bundle that holds their tensors
// elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/file.h"
#include "tensor/dtype.h"

namespace carat {

// The bytes of one tensor, as they are stored or in the kernels' order (kernels/interleaved.h).
struct TensorBytes {
  std::span<const std::byte> bytes;
  bool interleaved = false;
  // Of interleaved ones: the matrix whose order this is, and whose size `bytes` has.
  DType dtype = DType::kF32;
  uint64_t rows = 0, cols = 0;
};

// An error where the bytes are those of an interleaved matrix and the tensor is another.
Status CheckOrder(const TensorBytes& stored, DType dtype, std::span<const uint64_t> shape);

// A file that readers take their tensors from. Move-only; owns the mapping or borrows from whoever
// made it.
class ModelFile {
 public:
  // A whole file, or bytes that outlive this.
  explicit ModelFile(MappedFile mapping)
      : mapping_(std::move(mapping)), head_(mapping_.bytes()), size_(head_.size()) {}
  explicit ModelFile(std::span<const std::byte> bytes) : head_(bytes), size_(bytes.size()) {}

  // A range of the file that lies elsewhere. Ranges are given in rising order.
  struct Moved {
    uint64_t begin = 0, end = 0;
    TensorBytes to;
  };
  ModelFile(std::span<const std::byte> head, uint64_t size, std::vector<Moved> moved)
      : head_(head), size_(size), moved_(std::move(moved)) {}

  // The first bytes: all, or those before the first moved one.
  std::span<const std::byte> head() const { return head_; }
  uint64_t size() const { return size_; }
  // Bytes [begin, begin + size) of the file, which the caller has found to be inside it: of the
  // head, or exactly one moved range.
  Result<TensorBytes> Tensor(uint64_t begin, uint64_t size) const;

 private:
  MappedFile mapping_;
  std::span<const std::byte> head_;
  uint64_t size_ = 0;
  std::vector<Moved> moved_;
};

// Model files by their names, which are plain names without a folder. Thread-safe.
class FileSource {
 public:
  virtual ~FileSource() = default;
  virtual bool Has(std::string_view name) const = 0;
  virtual Result<ModelFile> Open(std::string_view name) const = 0;
  // The file's place, for people.
  virtual std::string Where(std::string_view name) const = 0;

  // A text of at most max_bytes. Errors name the place.
  Result<std::string> ReadText(std::string_view name, size_t max_bytes) const;
};

// The files of a folder.
class FolderSource final : public FileSource {
 public:
  explicit FolderSource(std::filesystem::path folder) : folder_(std::move(folder)) {}
  bool Has(std::string_view name) const override;
  Result<ModelFile> Open(std::string_view name) const override;
  std::string Where(std::string_view name) const override;

 private:
  std::filesystem::path folder_;
};

}  // namespace carat
