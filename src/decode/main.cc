// carat-decode: turns one media file on descriptor 0 into pixels and samples on descriptor 1
// (media/wire.h). The only program of carat that runs decoders; it is started afresh for each file
// and locks itself in before it looks at it. Not for people: `carat inspect media` is.
#include <fmt/format.h>
#include <sys/prctl.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>

#include "decode/film.h"
#include "decode/input.h"
#include "decode/lockdown.h"
#include "decode/pictures.h"
#include "decode/sink.h"
#include "media/exif.h"
#include "media/file_type.h"
#include "media/limits.h"

namespace carat::decode {
namespace {

Result<FileTypeInfo> TypeOfInput() {
  std::vector<uint8_t> head(kSniffBytes);
  head.resize(ReadAt(0, head));
  if (const auto type = SniffFileType(head)) return *type;
  return Fail({.code = ErrorCode::kUnsupported,
               .what = head.empty() ? "the file is empty" : "not a kind of file that carat takes",
               .wanted = std::string(AcceptedFileTypes())});
}

Status Wants(const FileTypeInfo& type, bool fits, std::string_view wanted) {
  if (fits) return {};
  return Fail({.what = "another kind of file",
               .wanted = std::string(wanted),
               .found = std::string(type.name)});
}

// The sides that the header of a GIF or BMP names: FFmpeg does not tell those that it refuses.
Status CheckNamedSize(const FileTypeInfo& type) {
  std::array<uint8_t, 26> head{};
  const auto number = [&](size_t at, size_t bytes) {
    return LittleEndian(std::span(head).subspan(at, bytes));
  };
  // A BMP that begins at its end has a negative height.
  const auto side = [&](size_t at) {
    return std::abs(int64_t{static_cast<int32_t>(number(at, 4))});
  };
  ReadAt(0, head);
  if (type.type == FileType::kGif) return CheckPictureSize(number(6, 2), number(8, 2));
  const bool old = number(14, 4) == 12;
  return old ? CheckPictureSize(number(18, 2), number(20, 2))
             : CheckPictureSize(static_cast<uint64_t>(side(18)), static_cast<uint64_t>(side(22)));
}

Result<Pixels> FirstPictureOfFilm(const FileTypeInfo& type) {
  CARAT_ASSIGN(Film film, Film::Open(type, SendProgress));
  return film.FirstPicture();
}

Result<Pixels> Picture(const FileTypeInfo& type) {
  CARAT_TRY(Wants(type, type.kind == MediaKind::kPicture, "a picture"));
  if (type.type == FileType::kGif || type.type == FileType::kBmp) {
    CARAT_TRY(CheckNamedSize(type));
    return FirstPictureOfFilm(type);
  }
  CARAT_ASSIGN(const std::vector<uint8_t> file, ReadInput(kMaxPictureBytes));
  if (type.type == FileType::kTiff) {  // likewise
    if (const auto size = TiffSize(file)) CARAT_TRY(CheckPictureSize(size->width, size->height));
  }
  switch (type.type) {
    case FileType::kJpeg:
      return DecodeJpeg(file);
    case FileType::kPng:
      return DecodePng(file);
    case FileType::kWebp:
      return DecodeWebp(file);
    case FileType::kAvif:
      return DecodeAvif(file);
    default:
      break;
  }
  CARAT_ASSIGN(Pixels pixels, FirstPictureOfFilm(type));
  return TurnUpright(std::move(pixels), ExifOrientation(file));  // EXIF is a piece of TIFF
}

Status Describe(const FileTypeInfo& type) {
  if (type.kind != MediaKind::kPicture) {
    CARAT_ASSIGN(const Film film, Film::Open(type, SendProgress));
    SendInfo(film.Describe());
    return {};
  }
  CARAT_ASSIGN(const Pixels pixels, Picture(type));
  SendInfo({.width = static_cast<uint32_t>(pixels.width),
            .height = static_cast<uint32_t>(pixels.height),
            .has_picture = 1});
  return {};
}

Status Told(const Result<Damage>& damage) {
  if (!damage) return Fail(damage.error());
  if (*damage == Damage::kSome) SendDamaged();
  return {};
}

// WHAT and, for frames, COUNT and RATE.
Status ServeUnbound(std::string_view what, int64_t count, double rate) {
  CARAT_ASSIGN(const FileTypeInfo type, TypeOfInput());
  if (what == "describe") return Describe(type);
  if (what == "picture") {
    CARAT_ASSIGN(const Pixels pixels, Picture(type));
    SendPicture(wire::Kind::kPicture, pixels, 0, 0);
    return {};
  }
  if (what == "frames") {
    CARAT_TRY(Wants(type, type.kind == MediaKind::kFilm || type.type == FileType::kGif, "a film"));
    CARAT_ASSIGN(Film film, Film::Open(type, SendProgress));
    return Told(film.Frames(count, rate, [](const Pixels& pixels, int64_t index, double seconds) {
      SendPicture(wire::Kind::kFrame, pixels, index, seconds);
    }));
  }
  CARAT_TRY(Wants(type, type.kind != MediaKind::kPicture, "sound, or a film with sound"));
  CARAT_ASSIGN(Film film, Film::Open(type, SendProgress));
  return Told(film.Sound(SendSamples));
}

// What asks for more memory than LockDown leaves.
Status Serve(std::string_view what, int64_t count, double rate) {
  try {
    return ServeUnbound(what, count, rate);
  } catch (const std::bad_alloc&) {
    return Fail({.code = ErrorCode::kNoMemory,
                 .what = "the file takes too much memory to decode",
                 .wanted = fmt::format("at most {} GiB", kDecoderMemory >> 30)});
  }
}

template <class T>
bool Parse(std::string_view text, T& out) {
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), out);
  return bad == std::errc() && end == text.data() + text.size();
}

int Main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  const bool known = what == "picture" || what == "sound" || what == "describe" || what == "frames";
  int64_t count = 0;
  double rate = 0;
  if (!known || argc != (what == "frames" ? 4 : 2) ||
      (what == "frames" && (!Parse(argv[2], count) || !Parse(argv[3], rate)))) {
    SendError({.what = "carat-decode is a part of carat and is started by it"});
    return 2;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody is left to read what it finds
  const bool stream = what == "sound" || what == "frames";
  Status done = LockDown({.memory_bytes = kDecoderMemory,
                          .cpu_seconds = stream ? kDecoderStreamSeconds : kDecoderPictureSeconds});
  if (done) done = Serve(what, count, rate);
  if (!done) {
    SendError(done.error());
    return 1;
  }
  SendEnd();
  return 0;
}

}  // namespace
}  // namespace carat::decode

int main(int argc, char** argv) { return carat::decode::Main(argc, argv); }
