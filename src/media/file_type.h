// What a file is, by its content and never by its name: the one table of what carat takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace carat {

enum class MediaKind { kPicture, kSound, kFilm };

enum class FileType {
  kPng,
  kJpeg,
  kWebp,
  kGif,
  kBmp,
  kTiff,
  kAvif,
  kWav,
  kMp3,
  kFlac,
  kOgg,       // Vorbis, Opus, FLAC
  kMp4Audio,  // M4A
  kMp4,       // MP4, MOV
  kMatroska,  // MKV, WebM; may hold sound alone
  kAac,       // ADTS
};

struct FileTypeInfo {
  FileType type;
  MediaKind kind;
  std::string_view name;     // "JPEG"
  std::string_view mime;     // "image/jpeg"
  std::string_view demuxer;  // FFmpeg's name; empty where FFmpeg is not used
};

inline constexpr size_t kSniffBytes = 64;

// From the first kSniffBytes of a file, or fewer where it has fewer. Absent: none that carat takes.
std::optional<FileTypeInfo> SniffFileType(std::span<const uint8_t> head);

// For errors: "PNG, JPEG, …".
std::string_view AcceptedFileTypes();

}  // namespace carat
