// Safetensors (https://huggingface.co/docs/safetensors): u64 header length, a JSON header, the
// data.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include "base/result.h"
#include "io/file.h"
#include "weights/directory.h"

namespace carat {

// The tensors of one file or of a sharded set. Move-only; owns the mappings. Thread-safe.
class Safetensors {
 public:
  // The weights of a Hugging Face folder: model.safetensors, or the shards that
  // model.safetensors.index.json names (plain names inside the folder only).
  static Result<Safetensors> OpenFolder(const std::filesystem::path& folder);
  static Result<Safetensors> OpenFile(const std::filesystem::path& path);
  // Parses bytes that outlive the result.
  static Result<Safetensors> Parse(std::span<const std::byte> bytes);

  const TensorDirectory& tensors() const { return tensors_; }

 private:
  Status ParseInto(std::span<const std::byte> bytes);
  TensorDirectory tensors_;
  std::vector<MappedFile> files_;
};

}  // namespace carat
