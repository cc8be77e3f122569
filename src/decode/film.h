// Sound, films and the rarer pictures by FFmpeg's libraries.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/result.h"
#include "media/file_type.h"
#include "media/resize.h"
#include "media/wire.h"

namespace carat::decode {

// A container on descriptor 0, opened with the one demuxer of its type and with no other decoder
// than those of the table in film.cc. One thread.
class Film {
 public:
  static Result<Film> Open(const FileTypeInfo& type);
  Film(Film&&) noexcept;
  Film& operator=(Film&&) = delete;
  ~Film();

  wire::Info Describe() const;

  // The first picture.
  Result<Pixels> FirstPicture();

  // `wanted` frames spread over the film as the specification says (section 7), all of them where
  // it has fewer; or, with per_second > 0, as many as that rate gives. In order, each with its
  // index and its time in seconds.
  using FrameSink = std::function<void(Pixels pixels, int64_t index, double seconds)>;
  Status Frames(int64_t wanted, double per_second, const FrameSink& sink);

  // The sound as mono samples at 16 kHz, channels averaged, block by block.
  using SampleSink = std::function<void(std::span<const float> samples)>;
  Status Sound(const SampleSink& sink);

 private:
  struct Parts;
  explicit Film(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace carat::decode
