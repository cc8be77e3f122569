// Whole files: read, mapped, and written so that a reader sees the old or the new one, never half.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace carat {

// Reads a regular file of at most `max_bytes`. Errors name the path.
Result<std::string> ReadFile(const std::filesystem::path& path, size_t max_bytes);

// Reads standard input or another stream of unknown length from a descriptor, up to `max_bytes`.
Result<std::string> ReadDescriptor(int fd, std::string_view name, size_t max_bytes);

// Writes to a temporary neighbour, flushes it to the disk and renames it. `mode` as in chmod.
Status WriteFileAtomic(const std::filesystem::path& path, std::span<const std::byte> bytes,
                       unsigned mode = 0644);

// A read-only memory mapping of a whole regular file. Move-only; the bytes live as long as it does.
// Thread-safe to read. A file that another program cuts short while it is mapped ends the process
// with SIGBUS when the lost part is touched; no program that maps files can prevent that.
class MappedFile {
 public:
  MappedFile() = default;  // no file, no bytes
  static Result<MappedFile> Open(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

}  // namespace carat
