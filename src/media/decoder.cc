#include "media/decoder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <new>

#include "media/limits.h"

namespace carat {
namespace {

Error SystemError(const std::string& what, const std::string& where) {
  return {.code = errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
          .what = what,
          .where = where,
          .found = std::strerror(errno)};
}

Error Nonsense() { return {.what = "the media decoder sent a message without sense"}; }

bool IsTime(double seconds) { return std::isfinite(seconds) && seconds >= 0 && seconds < 1e9; }

Result<std::pair<Pixels, wire::PictureHead>> ReadPicture(DecoderProcess& process, uint64_t size) {
  wire::PictureHead head{};
  if (size < sizeof head) return Fail(Nonsense());
  CARAT_TRY(process.ReadBody(&head, sizeof head));
  const uint64_t pixels = uint64_t{head.height} * head.width;
  if (pixels == 0 || pixels > kMaxPixels || head.height > kMaxSide || head.width > kMaxSide ||
      size != sizeof head + 3 * pixels || head.index < 0 || !IsTime(head.seconds))
    return Fail(Nonsense());
  Pixels out{head.height, head.width, std::vector<uint8_t>(static_cast<size_t>(3 * pixels))};
  CARAT_TRY(process.ReadBody(out.rgb.data(), out.rgb.size()));
  return std::pair(std::move(out), head);
}

Result<std::vector<float>> ReadSamples(DecoderProcess& process, uint64_t size) {
  if (size == 0 || size > wire::kMaxSamplesBody || size % sizeof(float) != 0)
    return Fail(Nonsense());
  std::vector<float> samples(static_cast<size_t>(size) / sizeof(float));
  CARAT_TRY(process.ReadBody(samples.data(), static_cast<size_t>(size)));
  if (!std::ranges::all_of(samples, [](float x) { return std::isfinite(x); }))
    return Fail(Nonsense());
  return samples;
}

// One message after the other to `body`, until the last.
using Body = std::function<Status(DecoderProcess& process, const wire::Header& header)>;

Status ReadAll(DecoderProcess& process, const Body& body) {
  try {
    while (true) {
      CARAT_ASSIGN(const wire::Header header, process.NextHeader());
      if (header.kind == wire::Kind::kEnd) return {};
      CARAT_TRY(body(process, header));
    }
  } catch (const std::bad_alloc&) {  // a picture may be 300 MB
    return Fail({.code = ErrorCode::kNoMemory, .what = "no memory for what is decoded"});
  }
}

struct Program {
  const std::filesystem::path& path;
  const MediaWatch& watch;
};

Status Run(const Program& program, const MediaSource& source, std::vector<std::string> arguments,
           const Body& body) {
  const bool stream = arguments[0] == "sound" || arguments[0] == "frames";
  auto process =
      DecoderProcess::Start(program.path, source.fd(), std::move(arguments),
                            stream ? kDecoderStreamWaitMs : kDecoderPictureWaitMs, program.watch);
  if (!process) return Fail(process.error());
  const Status done = ReadAll(*process, body);
  if (program.watch) program.watch(1);
  if (!done) return Fail(Within(source.name(), done.error()));
  return {};
}

// A recording or a film. `part` reads one message and gives it on; an error of its sink is not the
// file's, and goes to `sunk` to be returned as it is.
using Part =
    std::function<Status(DecoderProcess& process, const wire::Header& header, Status& sunk)>;

Result<Damage> RunStream(const Program& program, const MediaSource& source,
                         std::vector<std::string> arguments, const Part& part) {
  Damage damage = Damage::kNone;
  Status sunk;
  const Status done = Run(program, source, std::move(arguments),
                          [&](DecoderProcess& process, const wire::Header& header) -> Status {
                            if (header.kind != wire::Kind::kDamaged)
                              return part(process, header, sunk);
                            if (header.size != 0 || damage != Damage::kNone)
                              return Fail(Nonsense());
                            damage = Damage::kSome;
                            return {};
                          });
  if (!sunk || !done) return Fail((sunk ? done : sunk).error());
  return damage;
}

}  // namespace

Result<MediaSource> MediaSource::Open(const std::filesystem::path& path) {
  // O_NONBLOCK: a pipe without a writer must not hang.
  ScopedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info{};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0)
    return Fail(SystemError("cannot open the file", path.string()));
  if (!S_ISREG(info.st_mode)) {
    return Fail({.what = "not a regular file", .where = path.string()});
  }
  if (static_cast<uint64_t>(info.st_size) > kMaxFileBytes) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "the file is too large",
                 .where = path.string(),
                 .wanted = fmt::format("at most {} GiB", kMaxFileBytes >> 30),
                 .found = fmt::format("{} bytes", info.st_size)});
  }
  return MediaSource(std::move(fd), path.string());
}

Result<MediaSource> MediaSource::FromBytes(std::span<const uint8_t> bytes, std::string name) {
  ScopedFd fd(::memfd_create("carat-media", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return Fail(SystemError("no memory for the file", name));
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t n = ::write(fd.get(), bytes.data() + at, bytes.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Fail(SystemError("no memory for the file", name));
    at += static_cast<size_t>(n);
  }
  // The decoder gets this descriptor: it must not change what is read here again.
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
  if (::lseek(fd.get(), 0, SEEK_SET) != 0 || ::fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0)
    return Fail(SystemError("the file could not be kept", name));
  return MediaSource(std::move(fd), std::move(name));
}

std::optional<FileTypeInfo> MediaSource::Type() const {
  uint8_t head[kSniffBytes];
  const ssize_t n = ::pread(fd(), head, sizeof head, 0);
  return SniffFileType({head, n > 0 ? static_cast<size_t>(n) : 0});
}

Result<MediaInfo> MediaDecoder::Describe(const MediaSource& source) const {
  MediaInfo info;
  bool seen = false;
  CARAT_TRY(Run({program_, watch_}, source, {"describe"},
                [&](DecoderProcess& process, const wire::Header& header) -> Status {
                  wire::Info raw{};
                  if (header.kind != wire::Kind::kInfo || header.size != sizeof raw || seen)
                    return Fail(Nonsense());
                  CARAT_TRY(process.ReadBody(&raw, sizeof raw));
                  const auto type = source.Type();
                  if (!type || !IsTime(raw.seconds) || !IsTime(raw.frames_per_second))
                    return Fail(Nonsense());
                  info = {.type = *type,
                          .has_picture = raw.has_picture != 0,
                          .has_sound = raw.has_sound != 0,
                          .width = raw.width,
                          .height = raw.height,
                          .sample_rate = raw.sample_rate,
                          .channels = raw.channels,
                          .seconds = raw.seconds,
                          .frames_per_second = raw.frames_per_second};
                  seen = true;
                  return {};
                }));
  if (!seen) return Fail(Within(source.name(), Nonsense()));
  return info;
}

Result<Pixels> MediaDecoder::Picture(const MediaSource& source) const {
  std::optional<Pixels> pixels;
  CARAT_TRY(Run({program_, watch_}, source, {"picture"},
                [&](DecoderProcess& process, const wire::Header& header) -> Status {
                  if (header.kind != wire::Kind::kPicture || pixels) return Fail(Nonsense());
                  CARAT_ASSIGN(auto picture, ReadPicture(process, header.size));
                  pixels = std::move(picture.first);
                  return {};
                }));
  if (!pixels) return Fail(Within(source.name(), Nonsense()));
  return *std::move(pixels);
}

Result<Damage> MediaDecoder::Sound(const MediaSource& source, const SampleSink& sink) const {
  constexpr uint64_t kMost = (kMaxSoundSeconds + 1) * kSampleRate;
  uint64_t total = 0;
  return RunStream(
      {program_, watch_}, source, {"sound"},
      [&](DecoderProcess& process, const wire::Header& header, Status& sunk) -> Status {
        if (header.kind != wire::Kind::kSamples) return Fail(Nonsense());
        CARAT_ASSIGN(const std::vector<float> samples, ReadSamples(process, header.size));
        total += samples.size();
        if (total > kMost) return Fail(Nonsense());
        return sunk = sink(samples);
      });
}

Result<Damage> MediaDecoder::Frames(const MediaSource& source, const FrameRequest& request,
                                    const FrameSink& sink) const {
  if (request.count < 1 || request.count > kMaxVideoFrames || !IsTime(request.per_second)) {
    return Fail({.what = "number of frames out of range",
                 .wanted = fmt::format("1 to {}", kMaxVideoFrames),
                 .found = std::to_string(request.count)});
  }
  const int64_t most = request.per_second > 0 ? kMaxVideoFrames : request.count;
  int64_t taken = 0, last = -1;
  CARAT_ASSIGN(
      const Damage damage,
      RunStream({program_, watch_}, source,
                {"frames", std::to_string(request.count), fmt::format("{}", request.per_second)},
                [&](DecoderProcess& process, const wire::Header& header, Status& sunk) -> Status {
                  if (header.kind != wire::Kind::kFrame || taken == most) return Fail(Nonsense());
                  CARAT_ASSIGN(auto picture, ReadPicture(process, header.size));
                  if (picture.second.index <= last) return Fail(Nonsense());
                  last = picture.second.index;
                  ++taken;
                  return sunk = sink({.pixels = std::move(picture.first),
                                      .index = last,
                                      .seconds = picture.second.seconds});
                }));
  if (taken == 0) return Fail({.what = "the film holds no pictures", .where = source.name()});
  return damage;
}

}  // namespace carat
