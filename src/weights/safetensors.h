// Safetensors (https://huggingface.co/docs/safetensors): u64 header length, a JSON header, the
// data.
#pragma once

#include <cstddef>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/file.h"
#include "io/json.h"
#include "weights/directory.h"
#include "weights/model_file.h"

namespace carat {

// The tensors of one file or of a sharded set. Move-only; owns the mappings. Thread-safe.
class Safetensors {
 public:
  // The weights of a Hugging Face folder: model.safetensors, or without it the shards that
  // model.safetensors.index.json names.
  static Result<Safetensors> OpenFolder(const FileSource& folder);
  static Result<Safetensors> OpenFolder(const std::filesystem::path& folder);
  static Result<Safetensors> OpenFile(const std::filesystem::path& path);
  // Parses bytes that outlive the result.
  static Result<Safetensors> Parse(std::span<const std::byte> bytes);

  const TensorDirectory& tensors() const { return tensors_; }
  // The file, or all shards; names are missing where Parse made it.
  std::span<const ModelFile> files() const { return files_; }
  std::span<const std::string> file_names() const { return file_names_; }

 private:
  Status ParseInto(const ModelFile& file);
  Status AddFile(const FileSource& source, const std::string& name);
  TensorDirectory tensors_;
  std::vector<ModelFile> files_;
  std::vector<std::string> file_names_;
};

// The files that an index names, each once: plain names inside the folder only. Errors give the
// path inside the JSON.
Result<std::set<std::string>> ShardNames(const Json& index);

}  // namespace carat
