// A GGUF file in another format of weights, as llama-quantize writes it (gguf specification, 5.5).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "base/result.h"
#include "convert/gguf_source.h"
#include "convert/importance.h"
#include "quant/mix.h"
#include "sys/thread_pool.h"

namespace carat {

struct QuantiseOptions {
  MixOptions mix;                          // its `importance` follows from the next
  const Importance* importance = nullptr;  // or null
  bool requantise = false;                 // weights that are quantised already may lose more
  // Bytes of the source done and to do; false cancels.
  std::function<bool(uint64_t done, uint64_t total)> progress = {};
};

struct QuantiseReport {
  uint64_t bytes_before = 0, bytes_after = 0;  // of all tensors
  std::map<std::string_view, size_t> tensors;  // by format
};

// Writes `path` whole or not at all. Tensor by tensor and in pieces: the memory does not grow with
// the model. Errors: weights that are not finite, or beyond what 16 bits hold; importance of other
// columns; kUnsupported for quantised weights without `requantise`.
Result<QuantiseReport> QuantiseFile(ThreadPool& pool, const kernels::Table& table,
                                    GgufSource source, const QuantiseOptions& options,
                                    const std::filesystem::path& path);

}  // namespace carat
