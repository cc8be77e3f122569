#include "convert/gguf_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/utf8.h"

namespace carat {
namespace {

// A channel's place in a patch: GGUF's index i is Hugging Face's j (gguf specification, 3.4).
void ToPlanar(const float* from, size_t side, float* to) {
  const size_t pixels = side * side;
  for (size_t c = 0; c < 3; ++c)
    for (size_t p = 0; p < pixels; ++p) to[c * pixels + p] = from[p * 3 + c];
}

}  // namespace

uint64_t SourceTensor::rows() const {
  uint64_t rows = 1;
  for (size_t d = 0; d + 1 < shape.size(); ++d) rows *= shape[d];
  return rows;
}

Result<GgufSource> SourceFromGguf(const ModelFiles& files) {
  if (files.bundle != nullptr) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "a bundle is no source for this",
                 .where = files.path.string(),
                 .wanted = "the files in it: carat unpack"});
  }
  const Gguf& gguf = *files.gguf;
  CARAT_ASSIGN(const int64_t alignment, gguf.IntOr("general.alignment", 32, 1, 1 << 20));
  GgufSource source{.header = GgufHeader(static_cast<uint64_t>(alignment)),
                    .architecture = files.architecture,
                    .tensors = {}};
  for (const GgufPair& pair : gguf.metadata()) source.header.SetStored(pair);
  for (const TensorEntry& entry : gguf.tensors().entries()) {
    source.tensors.push_back({.name = entry.name,
                              .shape = entry.shape,
                              .dtype = entry.dtype,
                              .bytes = entry.bytes,
                              .made = {},
                              .kept = entry.dtype});
  }
  if (files.kind == FileKind::kEmbedders) return source;
  const std::string prefix = files.architecture + ".";
  CARAT_ASSIGN(const int64_t layers, gguf.Int(prefix + "block_count", 1, 1024));
  source.num_layers = static_cast<uint64_t>(layers);
  // Of the first layer.
  const auto heads = [&](const std::string& key) -> Result<int64_t> {
    const GgufValue* value = gguf.Find(prefix + key);
    const GgufArray* array = value == nullptr ? nullptr : value->AsArray();
    if (array != nullptr && array->is_integers() && array->count > 0) return array->Integer(0);
    return gguf.IntOr(prefix + key, 1, 1, 1 << 20);
  };
  CARAT_ASSIGN(const int64_t q, heads("attention.head_count"));
  CARAT_ASSIGN(const int64_t kv, heads("attention.head_count_kv"));
  source.heads_per_kv_head = static_cast<uint64_t>(kv > 0 ? std::max<int64_t>(1, q / kv) : 1);
  return source;
}

Status ReadRows(const kernels::Table& table, const SourceTensor& tensor, size_t first, size_t count,
                float* out) {
  const auto cols = static_cast<size_t>(tensor.cols());
  const auto decode = [&](size_t row, float* to) {
    const size_t row_bytes =
        cols / Info(tensor.dtype).block_elements * Info(tensor.dtype).block_bytes;
    table.decode[static_cast<size_t>(tensor.dtype)](tensor.bytes.data() + row * row_bytes, cols,
                                                    to);
  };
  std::vector<float> patch(tensor.change == SourceTensor::Change::kPlanar ? cols : 0);
  for (size_t r = 0; r < count; ++r) {
    float* to = out + r * cols;
    size_t row = first + r;
    if (!tensor.made.empty()) {
      std::copy_n(tensor.made.data() + row * cols, cols, to);
    } else if (tensor.change == SourceTensor::Change::kPlanar) {
      decode(row, patch.data());
      ToPlanar(patch.data(), static_cast<size_t>(std::lround(std::sqrt(cols / 3))), to);
    } else {
      // Row (a, p) of [2, n, width] is row (p, a) of [n, 2, width].
      if (tensor.change == SourceTensor::Change::kSwapAxes) {
        const auto n = static_cast<size_t>(tensor.shape[1]);
        row = row % n * 2 + row / n;
      }
      decode(row, to);
    }
    for (size_t c = 0; c < cols; ++c) {
      if (std::isfinite(to[c])) continue;
      return Fail(
          {.what = "a weight is not a finite number",
           .where = fmt::format("{}, row {}, column {}", SanitizeUtf8(tensor.name), first + r, c),
           .found = fmt::format("{}", to[c])});
    }
  }
  return {};
}

}  // namespace carat
