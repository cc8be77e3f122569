// Sound, films and the rarer pictures by FFmpeg's libraries.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/result.h"
#include "decode/container.h"
#include "media/damage.h"
#include "media/file_type.h"
#include "media/resize.h"
#include "media/wire.h"

struct SwsContext;

namespace carat::decode {

// The file on descriptor 0. One thread.
class Film {
 public:
  static Result<Film> Open(const FileTypeInfo& type, Progress progress);
  Film(Film&&) noexcept;
  Film& operator=(Film&&) = delete;
  ~Film();

  wire::Info Describe() const;

  // The first picture, of which nothing may be damaged.
  Result<Pixels> FirstPicture();

  // `wanted` frames spread over the film as the specification says (section 7), all of them where
  // it has fewer; or, with per_second > 0, as many as that rate gives, at most kMaxVideoFrames. In
  // order and upright, each with its index and its time in seconds. What lies between two of them
  // is passed over by key frames where the file has times and lets itself be searched. Of a film
  // that is damaged come those frames that can be had.
  using FrameSink = std::function<void(const Pixels& pixels, int64_t index, double seconds)>;
  Result<Damage> Frames(int64_t wanted, double per_second, const FrameSink& sink);

  // The sound as mono samples at 16 kHz, channels averaged, block by block. It begins with the
  // first picture, or with itself where there is none or it is earlier; what is missing or damaged
  // becomes silence as far as times tell.
  using SampleSink = std::function<void(std::span<const float> samples)>;
  Result<Damage> Sound(const SampleSink& sink);

 private:
  explicit Film(std::unique_ptr<Container> container);
  Result<Pixels> ToPixels(const AVFrame& picture);
  double FramesPerSecond() const;
  int Orientation() const;

  struct FreeScaler {
    void operator()(SwsContext* p) const;
  };
  std::unique_ptr<Container> container_;
  std::unique_ptr<SwsContext, FreeScaler> scaler_;
};

}  // namespace carat::decode
