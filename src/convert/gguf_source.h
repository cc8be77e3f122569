// What a GGUF file that is to be written holds, whatever it is made from: a GGUF file, or a Hugging
// Face folder in GGUF's names and orders (gguf specification, sections 2 and 3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/model_files.h"
#include "kernels/kernels.h"
#include "tensor/dtype.h"
#include "weights/gguf_header.h"

namespace carat {

// One tensor. Borrows the source's bytes.
struct SourceTensor {
  // How rows become GGUF's.
  enum class Change {
    kNone,
    kPlanar,  // the values of a patch by channel, row, column instead of row, column, channel (3.4)
    kSwapAxes,  // of [n, 2, width] the first two
  };
  std::string name;
  std::vector<uint64_t> shape;  // as it will be written, outermost first
  DType dtype = DType::kF32;    // of the bytes
  std::span<const std::byte> bytes;
  std::vector<float> made;  // instead of bytes
  Change change = Change::kNone;
  DType kept = DType::kF32;  // the format in which it is written where no rule gives another
  uint64_t cols() const { return shape.empty() ? 1 : shape.back(); }
  uint64_t rows() const;
};

struct GgufSource {
  GgufHeader header;  // its pairs; no tensors
  std::string architecture;
  std::vector<SourceTensor> tensors;
  uint64_t num_layers = 0, heads_per_kv_head = 1;
};

// A GGUF file as it is. kUnsupported for a bundle, whose rows are not in their places.
Result<GgufSource> SourceFromGguf(const ModelFiles& files);
// The text model, the embedders or the drafter of a folder.
Result<GgufSource> SourceFromFolder(const ModelFiles& files, FileKind part);

// Rows [first, first + count) of a tensor as f32, [count, cols]. An error where a value is not
// finite.
Status ReadRows(const kernels::Table& table, const SourceTensor& tensor, size_t first, size_t count,
                float* out);

}  // namespace carat
