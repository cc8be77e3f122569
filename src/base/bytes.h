// ByteReader: a bounds-checked little-endian cursor over bytes from outside.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace carat {

static_assert(std::endian::native == std::endian::little,
              "carat runs on little-endian machines only");

// Borrows the bytes. Every read either succeeds and advances, or fails with the offset and leaves
// the cursor where it was. No read ever looks past the end, whatever length the data claims.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  size_t offset() const { return offset_; }
  size_t remaining() const { return bytes_.size() - offset_; }

  // Reads one number of a trivially copyable type. `name` says in an error what was being read.
  template <class T>
  Result<T> Read(std::string_view name) {
    if (remaining() < sizeof(T)) return Fail(TooShort(name, sizeof(T)));
    T value;
    std::memcpy(&value, bytes_.data() + offset_, sizeof(T));
    offset_ += sizeof(T);
    return value;
  }

  // A view of the next `size` bytes.
  Result<std::span<const std::byte>> ReadBytes(std::string_view name, uint64_t size) {
    if (remaining() < size) return Fail(TooShort(name, size));
    const auto view = bytes_.subspan(offset_, static_cast<size_t>(size));
    offset_ += static_cast<size_t>(size);
    return view;
  }

 private:
  Error TooShort(std::string_view name, uint64_t wanted) const {
    return {.what = "the data ends inside " + std::string(name),
            .where = "offset " + std::to_string(offset_),
            .wanted = std::to_string(wanted) + " bytes",
            .found = std::to_string(remaining())};
  }

  std::span<const std::byte> bytes_;
  size_t offset_ = 0;
};

inline std::span<const std::byte> AsBytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace carat
