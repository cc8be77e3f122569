#include "io/file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

namespace carat {
namespace {

std::unexpected<Error> SystemError(const std::filesystem::path& path, std::string_view action) {
  const int number = errno;
  const ErrorCode code = number == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo;
  return Fail({.code = code,
               .what = fmt::format("cannot {}: {}", action, std::strerror(number)),
               .where = path.string()});
}

struct OpenFile {
  ScopedFd fd;
  size_t size = 0;
};

Result<OpenFile> OpenRegular(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a named pipe would otherwise wait for a writer that may never come.
  ScopedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return SystemError(path, "open the file");
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return SystemError(path, "look at the file");
  if (S_ISDIR(info.st_mode)) {
    return Fail({.code = ErrorCode::kIo,
                 .what = "wrong kind of file",
                 .where = path.string(),
                 .wanted = "a regular file",
                 .found = "a directory"});
  }
  if (!S_ISREG(info.st_mode)) {
    return Fail({.code = ErrorCode::kIo,
                 .what = "wrong kind of file",
                 .where = path.string(),
                 .wanted = "a regular file",
                 .found = "a pipe, socket or device"});
  }
  return OpenFile{std::move(fd), static_cast<size_t>(info.st_size)};
}

// A name beside `path` that nothing has; one may be left behind by a program that was killed.
std::string FreeName(const std::filesystem::path& path) {
  static std::atomic<unsigned> count = 0;
  std::string name;
  struct stat info{};
  do {
    name = fmt::format("{}.{}-{}.tmp", path.string(), ::getpid(), ++count);
  } while (::lstat(name.c_str(), &info) == 0);
  return name;
}

}  // namespace

Result<std::string> ReadDescriptor(int fd, std::string_view name, size_t max_bytes) {
  std::string text;
  char block[1 << 16];
  for (;;) {
    const ssize_t got = ::read(fd, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(std::string(name), "read");
    if (got == 0) return text;
    text.append(block, static_cast<size_t>(got));
    if (text.size() > max_bytes) {
      return Fail({.what = "too long",
                   .where = std::string(name),
                   .wanted = fmt::format("at most {} bytes", max_bytes)});
    }
  }
}

Result<std::string> ReadFile(const std::filesystem::path& path, size_t max_bytes) {
  CARAT_ASSIGN(const OpenFile file, OpenRegular(path));
  if (file.size > max_bytes) {
    return Fail({.what = "the file is too long",
                 .where = path.string(),
                 .wanted = fmt::format("at most {} bytes", max_bytes),
                 .found = std::to_string(file.size)});
  }
  return ReadDescriptor(file.fd.get(), path.string(), max_bytes);
}

Result<AtomicFile> AtomicFile::Create(const std::filesystem::path& path, unsigned mode) {
  struct stat info{};
  const bool exists = ::stat(path.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode)) {
    errno = EISDIR;
    return SystemError(path, "create the file");
  }
  // /dev/stdout may lead to a regular file, whose place in the folder is not ours to change.
  const bool descriptor = path.native().starts_with("/dev/") || path.native().starts_with("/proc/");
  if (exists && (descriptor || !S_ISREG(info.st_mode))) {
    // A descriptor of our own is shared, offset included, with whoever gave it to us.
    const int fd = path == "/dev/stdout"   ? ::dup(STDOUT_FILENO)
                   : path == "/dev/stderr" ? ::dup(STDERR_FILENO)
                                           : ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0) return SystemError(path, "open the file");
    return AtomicFile(path, {}, fd, false);
  }
  std::error_code ignored;
  std::filesystem::path target = path;
  for (int links = 0; links < 40 && std::filesystem::is_symlink(target, ignored); ++links)
    target = target.parent_path() / std::filesystem::read_symlink(target, ignored);
  std::filesystem::path folder = target.parent_path();
  if (folder.empty()) folder = ".";
  // It gets its name by way of /proc, which not every container has.
  const bool can_name = ::access("/proc/self/fd", X_OK) == 0;
  const int nameless = can_name ? ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, mode) : -1;
  if (nameless >= 0) return AtomicFile(std::move(target), {}, nameless, true);
  const std::string temporary = FreeName(target);
  // Unlike mkstemp, open lets the umask take its part of the mode.
  const int fd = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return SystemError(path, "create the file");
  return AtomicFile(std::move(target), temporary, fd, false);
}

AtomicFile::AtomicFile(std::filesystem::path path, std::string temporary, int fd, bool nameless)
    : path_(std::move(path)), temporary_(std::move(temporary)), nameless_(nameless), fd_(fd) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      nameless_(std::exchange(other.nameless_, false)),
      fd_(std::move(other.fd_)) {}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status AtomicFile::Write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd_.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return SystemError(path_, "write the file");
    bytes = bytes.subspan(static_cast<size_t>(put));
  }
  return {};
}

Status AtomicFile::WriteAt(uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return SystemError(path_, "write the file");
    bytes = bytes.subspan(static_cast<size_t>(put));
    offset += static_cast<uint64_t>(put);
  }
  return {};
}

Status AtomicFile::Commit() {
  if (temporary_.empty() && !nameless_) return {};
  if (::fsync(fd_.get()) != 0) return SystemError(path_, "flush the file");
  if (nameless_) {
    const std::string self = fmt::format("/proc/self/fd/{}", fd_.get());
    // Only a rename can take the place of a file that is there.
    std::string name = FreeName(path_);
    if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0)
      return SystemError(path_, "name the file");
    nameless_ = false;
    temporary_ = std::move(name);
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0)
    return SystemError(path_, "rename the file");
  temporary_.clear();
  return {};
}

Status WriteFileAtomic(const std::filesystem::path& path, std::span<const std::byte> bytes,
                       unsigned mode) {
  CARAT_ASSIGN(AtomicFile file, AtomicFile::Create(path, mode));
  CARAT_TRY(file.Write(bytes));
  return file.Commit();
}

Result<MappedFile> MappedFile::Open(const std::filesystem::path& path) {
  CARAT_ASSIGN(const OpenFile file, OpenRegular(path));
  if (file.size == 0) return MappedFile();
  void* const at = ::mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, file.fd.get(), 0);
  if (at == MAP_FAILED) return SystemError(path, "map the file");
  return MappedFile(std::span(static_cast<const std::byte*>(at), file.size));
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

namespace {

size_t PageBytes() { return static_cast<size_t>(::sysconf(_SC_PAGESIZE)); }

// Of the pages that the bytes lie in. A refusal only costs time or memory.
void Advise(std::span<const std::byte> bytes, int advice) {
  const size_t before = reinterpret_cast<uintptr_t>(bytes.data()) % PageBytes();
  static_cast<void>(
      ::madvise(const_cast<std::byte*>(bytes.data()) - before, bytes.size() + before, advice));
}

}  // namespace

void TouchPages(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  Advise(bytes, MADV_WILLNEED);  // the kernel reads ahead in large pieces
  const size_t page = PageBytes();
  for (size_t at = 0; at < bytes.size(); at += page) {
    static_cast<void>(*static_cast<const volatile std::byte*>(bytes.data() + at));
  }
  static_cast<void>(*static_cast<const volatile std::byte*>(&bytes.back()));
}

void ReadAhead(std::span<const std::byte> bytes) {
  if (!bytes.empty()) Advise(bytes, MADV_WILLNEED);
}

void DropPages(std::span<const std::byte> bytes) {
  if (!bytes.empty()) Advise(bytes, MADV_DONTNEED);
}

}  // namespace carat
