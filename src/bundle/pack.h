// Writing a bundle, and the source files back out of it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "bundle/bundle.h"
#include "bundle/manifest.h"
#include "sys/thread_pool.h"
#include "tensor/dtype.h"

namespace carat {

// A tensor in a file that is to be packed. Its bytes lie inside the file's.
struct TensorToPack {
  std::string name;
  std::span<const std::byte> bytes;
  bool interleave = false;  // a matrix that the kernels read in their order; with the next three
  DType dtype = DType::kF32;
  uint64_t rows = 0, cols = 0;
};

// Bytes are borrowed; those of a MappedFile are let go as they are packed.
struct FileToPack {
  std::string name;  // a plain name
  BundleOrigin origin;
  std::span<const std::byte> bytes;
  std::vector<TensorToPack> tensors;  // in any order, not overlapping
};

struct SourceToPack {
  BundleRole role = BundleRole::kText;
  std::string folder;
  std::vector<FileToPack> files;
};

struct ScreenToPack {
  BundledScreen shape;
  std::span<const std::byte> rows;
  std::span<const float> error, norm;
};

// Writes `path` whole or not at all. Errors: kIo (with what a disk lacks, before anything is
// written), kCancelled.
Status WriteBundle(ThreadPool& pool, const std::filesystem::path& path,
                   const std::vector<SourceToPack>& sources,
                   const std::optional<ScreenToPack>& screen, const std::string& carat_version,
                   const BundleProgress& progress);

// Writes the source files into `folder`, which is made if it is not there, each whole and checked
// against its hash. A file that is there already is an error. Gives the paths.
Result<std::vector<std::filesystem::path>> UnpackBundle(ThreadPool& pool, const Bundle& bundle,
                                                        const std::filesystem::path& folder,
                                                        const BundleProgress& progress);

}  // namespace carat
