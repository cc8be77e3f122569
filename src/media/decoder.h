// Media files to pixels and samples, by a program that is locked in and started afresh for each
// file (decode/main.cc). What comes back is checked as if an enemy had sent it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "base/scoped_fd.h"
#include "media/damage.h"
#include "media/decoder_process.h"
#include "media/file_type.h"
#include "media/resize.h"

namespace carat {

// A file, or bytes that came otherwise. Move-only; for one decoding at a time.
class MediaSource {
 public:
  static Result<MediaSource> Open(const std::filesystem::path& path);
  // `name` is what errors call it.
  static Result<MediaSource> FromBytes(std::span<const uint8_t> bytes, std::string name);

  int fd() const { return fd_.get(); }
  const std::string& name() const { return name_; }
  // By its content; absent if it is none that carat takes.
  std::optional<FileTypeInfo> Type() const;

 private:
  MediaSource(ScopedFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
  ScopedFd fd_;
  std::string name_;
};

struct MediaInfo {
  FileTypeInfo type;
  bool has_picture = false;
  bool has_sound = false;
  uint32_t width = 0, height = 0;  // upright
  uint32_t sample_rate = 0, channels = 0;
  double seconds = 0;  // 0: the file does not say
  double frames_per_second = 0;
};

struct Frame {
  Pixels pixels;
  int64_t index = 0;   // in the film
  double seconds = 0;  // index / rate
};

struct FrameRequest {
  int64_t count = 32;     // spread over the film; all frames where it has fewer
  double per_second = 0;  // if > 0, instead of a count
};

// All calls block until the decoder is done, at most kMaxDecoders run at once, others wait.
// Thread-safe if the watch is. Errors name the source: a file that is broken, of another kind, or
// larger than media/limits.h; a decoder that was stopped, with the reason; kCancelled by the watch;
// kNoMemory. An error of a sink ends the decoding and is returned as it is.
class MediaDecoder {
 public:
  // `program` is carat-decode. The watch is called in the caller's thread.
  explicit MediaDecoder(std::filesystem::path program, MediaWatch watch = {})
      : program_(std::move(program)), watch_(std::move(watch)) {}

  // The same with another watch.
  MediaDecoder Watched(MediaWatch watch) const { return MediaDecoder(program_, std::move(watch)); }

  Result<MediaInfo> Describe(const MediaSource& source) const;
  Result<Pixels> Picture(const MediaSource& source) const;
  // Mono samples at 16 kHz, block by block; memory does not grow with the length. What cannot be
  // read of a damaged recording is silence as far as times tell, of a damaged film it is left out.
  using SampleSink = std::function<Status(std::span<const float> samples)>;
  Result<Damage> Sound(const MediaSource& source, const SampleSink& sink) const;
  // In order.
  using FrameSink = std::function<Status(Frame frame)>;
  Result<Damage> Frames(const MediaSource& source, const FrameRequest& request,
                        const FrameSink& sink) const;

 private:
  std::filesystem::path program_;
  MediaWatch watch_;
};

}  // namespace carat
