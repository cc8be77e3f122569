#include "hub/part_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "io/file.h"
#include "io/json.h"

namespace carat {
namespace {

constexpr size_t kMaxRecordBytes = size_t{1} << 22;
constexpr int64_t kRecordFormat = 1;
constexpr uint64_t kPushBytes = uint64_t{8} << 20;

std::unexpected<Error> SystemError(const std::filesystem::path& path, std::string_view action,
                                   int number) {
  return Fail({.code = ErrorCode::kIo,
               .what = fmt::format("cannot {}: {}", action, std::strerror(number)),
               .where = path.string()});
}

// Opens and locks the part. A part that became the target meanwhile is not the part any more.
Result<ScopedFd> OpenLocked(const std::filesystem::path& path) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    ScopedFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644));
    if (!fd.valid()) return SystemError(path, "open the file", errno);
    struct stat mine{}, named{};
    if (::fstat(fd.get(), &mine) != 0) return SystemError(path, "look at the file", errno);
    if (!S_ISREG(mine.st_mode)) {
      return Fail({.code = ErrorCode::kIo,
                   .what = "wrong kind of file",
                   .where = path.string(),
                   .wanted = "a regular file"});
    }
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return SystemError(path, "lock the file", errno);
      return Fail({.code = ErrorCode::kIo,
                   .what = "another process is downloading this file",
                   .where = path.string()});
    }
    if (::lstat(path.c_str(), &named) == 0 && named.st_ino == mine.st_ino &&
        named.st_dev == mine.st_dev) {
      return fd;
    }
  }
  return Fail({.code = ErrorCode::kIo,
               .what = "the file is replaced again and again by another process",
               .where = path.string()});
}

// A small file under a fixed name, which the part's lock makes ours: unlike AtomicFile's, it leaves
// at most one temporary file however often the process is killed.
Status ReplaceFile(const std::filesystem::path& path, std::string_view text) {
  const std::filesystem::path temporary = path.string() + ".tmp";
  const ScopedFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.valid()) return SystemError(temporary, "create the file", errno);
  while (!text.empty()) {
    const ssize_t put = ::write(fd.get(), text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return SystemError(temporary, "write the file", errno);
    text.remove_prefix(static_cast<size_t>(put));
  }
  if (::fdatasync(fd.get()) != 0) return SystemError(temporary, "flush the file", errno);
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    return SystemError(path, "rename the file", errno);
  return {};
}

// Segments that lie end to end from 0 to size, or nothing.
std::vector<Segment> ReadSegments(const JsonView& record, uint64_t size) {
  const auto list = record.Array("segments");
  if (!list.has_value()) return {};
  std::vector<Segment> segments;
  uint64_t at = 0;
  for (const Json& entry : list->value().array()) {
    if (!entry.is_array() || entry.array().size() != 3) return {};
    uint64_t numbers[3];
    for (size_t i = 0; i < 3; ++i) {
      const Json& number = entry.array()[i];
      if (!number.is_int() || number.integer() < 0) return {};
      numbers[i] = static_cast<uint64_t>(number.integer());
    }
    const Segment segment{numbers[0], numbers[1], numbers[2]};
    if (segment.begin != at || segment.end < at || segment.end > size ||
        segment.done > segment.size()) {
      return {};
    }
    at = segment.end;
    segments.push_back(segment);
  }
  return at == size ? segments : std::vector<Segment>();
}

}  // namespace

std::vector<Segment> CutIntoSegments(uint64_t size, uint64_t segment_bytes) {
  std::vector<Segment> segments;
  const uint64_t step = size < 2 * segment_bytes ? std::max<uint64_t>(size, 1) : segment_bytes;
  for (uint64_t at = 0; at < size; at += step)
    segments.push_back({.begin = at, .end = std::min(at + step, size)});
  return segments;
}

std::filesystem::path PartFile::PartPath(const std::filesystem::path& target) {
  return target.string() + ".part";
}
std::filesystem::path PartFile::RecordPath(const std::filesystem::path& target) {
  return target.string() + ".part.json";
}

uint64_t PartFile::BytesHere(const std::filesystem::path& target) {
  struct stat info{};
  if (::stat(target.c_str(), &info) == 0) return static_cast<uint64_t>(info.st_size);
  const auto text = ReadFile(RecordPath(target), kMaxRecordBytes);
  const auto json = text ? ParseJson(*text) : Result<Json>(Fail({}));
  if (!json) return 0;
  const JsonView record(*json, "record");
  const auto size = record.Int("size", 0, int64_t{1} << 53);
  uint64_t here = 0;
  if (!size) return 0;
  for (const Segment& segment : ReadSegments(record, static_cast<uint64_t>(*size)))
    here += segment.done;
  return here;
}

Result<PartFile> PartFile::Open(Plan plan) {
  CARAT_ASSIGN(ScopedFd fd, OpenLocked(PartPath(plan.target)));
  PartFile part(std::move(plan), std::move(fd));
  if (!part.TakeUp()) {
    CARAT_TRY(part.Restart(false));
  } else {
    CARAT_TRY(part.Reserve());
  }
  return part;
}

bool PartFile::TakeUp() {
  struct stat info{};
  if (::fstat(fd_.get(), &info) != 0 || static_cast<uint64_t>(info.st_size) != plan_.size)
    return false;
  const auto text = ReadFile(RecordPath(plan_.target), kMaxRecordBytes);
  if (!text.has_value()) return false;
  const auto json = ParseJson(*text);
  if (!json.has_value()) return false;
  const JsonView record(*json, "record");
  const auto size = record.Int("size", 0, int64_t{1} << 53);
  const auto hash = record.String("hash");
  if (!record.Int("format", kRecordFormat, kRecordFormat).has_value() || !size.has_value() ||
      static_cast<uint64_t>(*size) != plan_.size || !hash.has_value() ||
      *hash != plan_.hash.Text()) {
    return false;
  }
  segments_ = ReadSegments(record, plan_.size);
  pushed_.assign(segments_.size(), 0);
  return !segments_.empty();
}

// fallocate and not posix_fallocate: where the file system cannot reserve, the latter writes it
// all.
Status PartFile::Reserve() {
  if (plan_.size == 0) return {};
  const auto size = static_cast<off_t>(plan_.size);
  if (::fallocate(fd_.get(), 0, 0, size) == 0) return {};
  if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR) return WriteError(errno);
  if (::ftruncate(fd_.get(), size) != 0) return WriteError(errno);
  return {};
}

std::unexpected<Error> PartFile::WriteError(int number) const {
  const std::filesystem::path path = PartPath(plan_.target);
  struct stat info{};
  struct statvfs disk{};
  if (number != ENOSPC || ::fstat(fd_.get(), &info) != 0 || ::fstatvfs(fd_.get(), &disk) != 0)
    return SystemError(path, "write the file", number);
  const uint64_t held = static_cast<uint64_t>(info.st_blocks) * 512;
  return Fail({.code = ErrorCode::kIo,
               .what = "there is too little room on the disk; what came is kept",
               .where = path.string(),
               .wanted = fmt::format("{} bytes more", plan_.size - std::min(held, plan_.size)),
               .found = fmt::format("{} bytes free", disk.f_bavail * disk.f_frsize)});
}

uint64_t PartFile::bytes_done() const {
  uint64_t sum = 0;
  for (const Segment& segment : segments_) sum += segment.done;
  return sum;
}

Status PartFile::Append(size_t segment_idx, std::span<const std::byte> bytes) {
  Segment& segment = segments_[segment_idx];
  while (!bytes.empty()) {
    const auto at = static_cast<off_t>(segment.begin + segment.done);
    const ssize_t put = ::pwrite(fd_.get(), bytes.data(), bytes.size(), at);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return WriteError(errno);
    segment.done += static_cast<uint64_t>(put);
    bytes = bytes.subspan(static_cast<size_t>(put));
  }
  // The disk begins early, so that Save has less to wait for.
  uint64_t& pushed = pushed_[segment_idx];
  if (segment.done >= pushed + kPushBytes) {
    ::sync_file_range(fd_.get(), static_cast<off_t>(segment.begin + pushed),
                      static_cast<off_t>(segment.done - pushed), SYNC_FILE_RANGE_WRITE);
    pushed = segment.done;
  }
  return {};
}

Status PartFile::Save() {
  if (::fdatasync(fd_.get()) != 0) return WriteError(errno);
  Json::Array list;
  for (const Segment& segment : segments_) {
    list.emplace_back(Json::Array{static_cast<int64_t>(segment.begin),
                                  static_cast<int64_t>(segment.end),
                                  static_cast<int64_t>(segment.done)});
  }
  const Json record(Json::Object{{"format", kRecordFormat},
                                 {"size", static_cast<int64_t>(plan_.size)},
                                 {"hash", plan_.hash.Text()},
                                 {"segments", std::move(list)}});
  return ReplaceFile(RecordPath(plan_.target), record.Dump() + "\n");
}

Status PartFile::Restart(bool one_segment) {
  ::unlink(RecordPath(plan_.target).c_str());
  segments_ = CutIntoSegments(plan_.size, one_segment ? plan_.size : plan_.segment_bytes);
  pushed_.assign(segments_.size(), 0);
  if (::ftruncate(fd_.get(), 0) != 0) return WriteError(errno);
  return Reserve();
}

Result<std::string> PartFile::HashHex(const std::function<bool(uint64_t)>& watch) const {
  return HashFile(fd_.get(), plan_.size, plan_.hash, PartPath(plan_.target), watch);
}

Status PartFile::Finish() {
  const std::filesystem::path part = PartPath(plan_.target);
  if (::fsync(fd_.get()) != 0) return WriteError(errno);
  if (::rename(part.c_str(), plan_.target.c_str()) != 0)
    return SystemError(plan_.target, "rename the file", errno);
  ::unlink(RecordPath(plan_.target).c_str());
  // The name itself is safe once the folder is flushed; where that fails, a crash costs the name.
  const std::filesystem::path folder = plan_.target.parent_path();
  const ScopedFd open_folder(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (open_folder.valid()) static_cast<void>(::fsync(open_folder.get()));
  return {};
}

void PartFile::Discard() const {
  ::unlink(RecordPath(plan_.target).c_str());
  ::unlink((RecordPath(plan_.target).string() + ".tmp").c_str());
  ::unlink(PartPath(plan_.target).c_str());
}

Result<std::string> HashFile(int fd, uint64_t size, const FileHash& hash,
                             const std::filesystem::path& path,
                             const std::function<bool(uint64_t)>& watch) {
  constexpr size_t kBlock = size_t{1} << 20;
  std::vector<std::byte> block(kBlock);
  Digest digest = hash.Begin(size);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  for (uint64_t at = 0; at < size;) {
    if (watch && !watch(at))
      return Fail({.code = ErrorCode::kCancelled, .what = "cancelled", .where = path.string()});
    const ssize_t got = ::pread(fd, block.data(), kBlock, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(path, "read the file", errno);
    if (got == 0) break;
    digest.Add(std::span(block.data(), static_cast<size_t>(got)));
    at += static_cast<uint64_t>(got);
  }
  return digest.Hex();
}

}  // namespace carat
