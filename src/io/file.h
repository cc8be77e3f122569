// Whole files: read, mapped, and written so that a reader sees the old or the new one, never half.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/scoped_fd.h"

namespace carat {

// Reads a regular file of at most `max_bytes`. Errors name the path.
Result<std::string> ReadFile(const std::filesystem::path& path, size_t max_bytes);

// Reads standard input or another stream of unknown length from a descriptor, up to `max_bytes`.
Result<std::string> ReadDescriptor(int fd, std::string_view name, size_t max_bytes);

// A file that comes into being whole: bytes go to a file without a name (where the file system has
// none, to a temporary neighbour), which Commit flushes to the disk and gives its name; without
// Commit nothing stays, even of a program that was killed. A symbolic link is followed. A device or
// a pipe, and whatever a name under /dev or /proc leads to (/dev/stdout), is appended to straight.
// Move-only; one owner thread. Errors name the path.
class AtomicFile {
 public:
  // `mode` as in open(2): the umask takes its part.
  static Result<AtomicFile> Create(const std::filesystem::path& path, unsigned mode = 0644);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  Status Write(std::span<const std::byte> bytes);
  // Over what stands at `offset`, or behind a gap of zeros; the place of Write stays. Not where
  // bytes are appended straight.
  Status WriteAt(uint64_t offset, std::span<const std::byte> bytes);
  Status Commit();

 private:
  AtomicFile(std::filesystem::path path, std::string temporary, int fd, bool nameless);
  std::filesystem::path path_;
  std::string temporary_;  // empty: written straight, renamed already, or without a name
  bool nameless_ = false;
  ScopedFd fd_;
};

// An AtomicFile in one call.
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

// Reads mapped bytes from the disk, so that the first use of each page need not wait for it.
void TouchPages(std::span<const std::byte> bytes);

// Asks the system to begin to read mapped bytes; does not wait.
void ReadAhead(std::span<const std::byte> bytes);

// Lets go of the memory of the pages that these bytes of a MappedFile lie in; they are read again
// when they are touched.
void DropPages(std::span<const std::byte> bytes);

}  // namespace carat
