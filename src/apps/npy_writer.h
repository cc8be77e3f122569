// float32 arrays as .npy, version 1.0.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "base/result.h"
#include "io/file.h"

namespace carat {

// Writes a matrix [rows, cols] in C order, row by row, so that it need not fit the memory. The file
// appears whole at Commit, or not at all.
class NpyWriter {
 public:
  static Result<NpyWriter> Create(const std::filesystem::path& path, size_t rows, size_t cols);
  Status Append(std::span<const float> values);
  // Precondition: rows * cols values were appended.
  Status Commit();

 private:
  NpyWriter(AtomicFile file, size_t missing) : file_(std::move(file)), missing_(missing) {}
  AtomicFile file_;
  size_t missing_;  // values
};

}  // namespace carat
