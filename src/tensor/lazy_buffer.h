// LazyBuffer: a large block of zeroed memory that costs only what is touched.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <string>
#include <utility>

#include "base/result.h"

namespace carat {

// Move-only. The address never changes, so a growing cache needs no copying.
class LazyBuffer {
 public:
  LazyBuffer() = default;
  enum class Pages { kUsual, kHuge };  // huge where the system has them: fewer look-ups
  static Result<LazyBuffer> Create(size_t bytes, Pages pages = Pages::kUsual) {
    LazyBuffer buffer;
    if (bytes == 0) return buffer;
    void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) {
      return Fail({.code = ErrorCode::kNoMemory,
                   .what = "no memory to reserve",
                   .wanted = std::to_string(bytes) + " bytes"});
    }
    if (pages == Pages::kHuge) static_cast<void>(::madvise(at, bytes, MADV_HUGEPAGE));
    buffer.data_ = static_cast<std::byte*>(at);
    buffer.size_ = bytes;
    return buffer;
  }
  LazyBuffer(LazyBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  LazyBuffer& operator=(LazyBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~LazyBuffer() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace carat
