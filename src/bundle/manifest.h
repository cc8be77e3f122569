// What a bundle says about itself: the source files, piece by piece, and where each piece lies.
//
// A bundle (docs/bundle.md) is a GGUF container whose tensors are plain bytes. Its manifest is a
// JSON text under the key "carat.manifest".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/json.h"
#include "tensor/dtype.h"

namespace carat {

enum class BundleRole { kText, kEmbedders, kDrafter };
std::string_view RoleName(BundleRole role);  // "text", "embedders", "drafter"

// A run of bytes of a source file.
struct BundlePiece {
  enum class Kind {
    kRaw,          // as it stands: headers, small files
    kZeros,        // padding
    kStored,       // a tensor as it stands
    kInterleaved,  // a matrix in the kernels' order
  };
  Kind kind = Kind::kRaw;
  uint64_t size = 0;          // in the source file
  std::string tensor;         // of the container; empty for zeros
  DType dtype = DType::kF32;  // and the next two: of kInterleaved
  uint64_t rows = 0, cols = 0;
};

// Where a source file came from, as far as anybody said. Texts without meaning to carat.
struct BundleOrigin {
  std::string address;     // of the hub
  std::string repository;  // "google/gemma-4-…"
  std::string revision;    // the commit
  std::string file;        // its name there; without a repository its name on the disk
};

struct BundleFile {
  std::string name;  // a plain name (IsPlainName), under which unpack writes it
  uint64_t size = 0;
  std::string sha256;
  BundleOrigin origin;
  std::vector<BundlePiece> pieces;  // one after the other they are the file
};

// The files of one part of a model: a GGUF file (all shards) or a Hugging Face folder.
struct BundleSource {
  BundleRole role = BundleRole::kText;
  std::string folder;  // under which unpack writes them: empty or a plain name
  std::vector<BundleFile> files;
};

// The four-bit copy of the drafter's head (model/draft_head.h), which is made, not unpacked.
struct BundledScreen {
  DType dtype = DType::kQ4_0;
  uint64_t rows = 0, cols = 0;
};

struct BundleManifest {
  std::string carat;  // the version that packed it
  std::vector<BundleSource> sources;
  std::optional<BundledScreen> screen;
};

Json ManifestToJson(const BundleManifest& manifest);
// Checks every name, size and sum; not the container's tensors. Errors give the path in the JSON.
Result<BundleManifest> ManifestFromJson(const Json& json);

// Whether a text may be a file's name: 1 to 200 of the characters A-Z a-z 0-9 . _ + -, the first a
// letter or a digit. Nothing else that comes out of a file becomes a part of a path.
bool IsPlainName(std::string_view name);

}  // namespace carat
