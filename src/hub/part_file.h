// TARGET.part: a file that comes into being piece by piece and survives interruptions of any kind,
// with TARGET.part.json beside it, which says what has come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/scoped_fd.h"
#include "hub/headers.h"

namespace carat {

// The bytes [begin, end) of the file, of which the first `done` are there.
struct Segment {
  uint64_t begin = 0, end = 0, done = 0;
  uint64_t size() const { return end - begin; }
  bool complete() const { return done == size(); }
  bool operator==(const Segment&) const = default;
};

// Cuts `size` bytes into segments; a file of less than two is one segment.
std::vector<Segment> CutIntoSegments(uint64_t size, uint64_t segment_bytes);

// Holds the part file's lock while it lives. Move-only; one owner thread. Errors name the path.
class PartFile {
 public:
  struct Plan {
    std::filesystem::path target;
    uint64_t size = 0;
    FileHash hash = {};
    uint64_t segment_bytes = 0;
  };
  // Takes up what an earlier run left, if it was for the same size and hash, else begins anew, and
  // reserves the room on the disk. Errors: another process holds it; too little room.
  static Result<PartFile> Open(Plan plan);
  // Where the part of a target lies, and its record.
  static std::filesystem::path PartPath(const std::filesystem::path& target);
  static std::filesystem::path RecordPath(const std::filesystem::path& target);
  // Bytes of a target that have come, by its record, while another process may be at work; all of
  // it where it is whole, 0 where nothing is there.
  static uint64_t BytesHere(const std::filesystem::path& target);

  const std::vector<Segment>& segments() const { return segments_; }
  uint64_t bytes_done() const;
  bool complete() const { return bytes_done() == plan_.size; }

  // Puts bytes at the end of what a segment has; they must fit.
  Status Append(size_t segment_idx, std::span<const std::byte> bytes);
  // What was appended since the last Save counts after a crash only if it was saved: the data is
  // flushed first, then the record replaced.
  Status Save();
  // Forgets what came; what follows is one segment, or as many as the plan wants.
  Status Restart(bool one_segment);
  // `watch` gets the bytes read so far; false gives kCancelled.
  Result<std::string> HashHex(const std::function<bool(uint64_t bytes)>& watch) const;
  // Flushes, and gives the file its name. The object is done with.
  Status Finish();
  // Removes part and record.
  void Discard() const;

 private:
  PartFile(Plan plan, ScopedFd fd) : plan_(std::move(plan)), fd_(std::move(fd)) {}
  bool TakeUp();
  Status Reserve();
  std::unexpected<Error> WriteError(int number) const;

  Plan plan_;
  ScopedFd fd_;
  std::vector<Segment> segments_;
  std::vector<uint64_t> pushed_;  // per segment: bytes whose writing to the disk was begun
};

// The hash of a whole file as `hash` has it; `watch` as for PartFile::HashHex.
Result<std::string> HashFile(int fd, uint64_t size, const FileHash& hash,
                             const std::filesystem::path& path,
                             const std::function<bool(uint64_t bytes)>& watch);

}  // namespace carat
