// Non-owning views of numbers, and the one owning buffer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>

#include "tensor/dtype.h"

namespace carat {

// A matrix in any storage format: its rows one after the other without padding, at any alignment;
// or, if it is interleaved, in the kernels' order (kernels/interleaved.h). Borrows the bytes.
struct MatrixView {
  const std::byte* data = nullptr;
  DType dtype = DType::kF32;
  size_t rows = 0;
  size_t cols = 0;  // a multiple of the format's block size
  bool interleaved = false;
  float scale = 1.0f;  // multiplies every product; 1 except for NVFP4 files (gguf spec 3.1)

  size_t row_bytes() const { return cols / Info(dtype).block_elements * Info(dtype).block_bytes; }
  // Not of an interleaved one.
  const std::byte* row(size_t r) const { return data + r * row_bytes(); }
  bool empty() const { return data == nullptr; }
  // Rows [begin, begin + count) as a matrix of their own; not of an interleaved one.
  MatrixView Rows(size_t begin, size_t count) const {
    MatrixView part = *this;
    part.data = row(begin);
    part.rows = count;
    return part;
  }
};

// An owned array of floats, 64-byte aligned, contents undefined until written. Move-only.
class FloatBuffer {
 public:
  FloatBuffer() = default;
  explicit FloatBuffer(size_t size) { Resize(size); }

  // Grows to at least `size` floats, and by half at least, so that a need that grows by one each
  // time seldom allocates; the contents are lost when it grows, kept otherwise.
  void Resize(size_t size) {
    if (size <= capacity_) return;
    size = std::max(size, capacity_ + capacity_ / 2);
    const size_t bytes = (size * sizeof(float) + 63) / 64 * 64;
    data_.reset(static_cast<float*>(std::aligned_alloc(64, bytes)));
    if (!data_) std::abort();  // as operator new would do in a program without exceptions
    capacity_ = size;
  }
  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  size_t capacity() const { return capacity_; }

 private:
  struct Free {
    void operator()(float* p) const { std::free(p); }
  };
  std::unique_ptr<float, Free> data_;
  size_t capacity_ = 0;
};

}  // namespace carat
