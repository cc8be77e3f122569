#include "media/file_type.h"

#include <algorithm>
#include <array>
#include <initializer_list>

namespace carat {
namespace {

constexpr std::array<FileTypeInfo, 15> kTypes = {{
    {FileType::kPng, MediaKind::kPicture, "PNG", "image/png", ""},
    {FileType::kJpeg, MediaKind::kPicture, "JPEG", "image/jpeg", ""},
    {FileType::kWebp, MediaKind::kPicture, "WebP", "image/webp", ""},
    {FileType::kGif, MediaKind::kPicture, "GIF", "image/gif", "gif"},
    {FileType::kBmp, MediaKind::kPicture, "BMP", "image/bmp", "bmp_pipe"},
    {FileType::kTiff, MediaKind::kPicture, "TIFF", "image/tiff", "tiff_pipe"},
    {FileType::kAvif, MediaKind::kPicture, "AVIF", "image/avif", ""},
    {FileType::kWav, MediaKind::kSound, "WAV", "audio/wav", "wav"},
    {FileType::kMp3, MediaKind::kSound, "MP3", "audio/mpeg", "mp3"},
    {FileType::kFlac, MediaKind::kSound, "FLAC", "audio/flac", "flac"},
    {FileType::kOgg, MediaKind::kSound, "Ogg", "audio/ogg", "ogg"},
    {FileType::kMp4Audio, MediaKind::kSound, "M4A", "audio/mp4", "mov"},
    {FileType::kMp4, MediaKind::kFilm, "MP4", "video/mp4", "mov"},
    {FileType::kMatroska, MediaKind::kFilm, "Matroska", "video/webm", "matroska"},
    {FileType::kAac, MediaKind::kSound, "AAC", "audio/aac", "aac"},
}};

bool Has(std::span<const uint8_t> head, size_t at, std::string_view text) {
  return head.size() >= at + text.size() &&
         std::equal(text.begin(), text.end(), head.begin() + static_cast<std::ptrdiff_t>(at),
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

// The major brand decides, or for pictures one of the compatible ones; a film is the rule.
std::optional<FileType> Mp4Type(std::span<const uint8_t> head) {
  constexpr size_t kMajor = 8, kCompatible = 16, kBrand = 4;
  if (Has(head, kMajor, "M4A ") || Has(head, kMajor, "M4B ")) return FileType::kMp4Audio;
  const auto any = [&](std::initializer_list<std::string_view> brands) {
    const size_t size = std::min<size_t>(head.size(), size_t{head[2]} << 8 | head[3]);
    return std::ranges::any_of(brands, [&](std::string_view brand) {
      if (Has(head, kMajor, brand)) return true;
      for (size_t at = kCompatible; at + kBrand <= size; at += kBrand)
        if (Has(head, at, brand)) return true;
      return false;
    });
  };
  if (any({"avif", "avis"})) return FileType::kAvif;
  // Other pictures in this container: HEIC and its kin.
  if (any({"mif1", "msf1", "heic", "heix", "hevc", "hevx"})) return std::nullopt;
  return FileType::kMp4;
}

std::optional<FileType> Sniff(std::span<const uint8_t> head) {
  using namespace std::string_view_literals;
  if (Has(head, 0, "\x89PNG\r\n\x1a\n"sv)) return FileType::kPng;
  if (Has(head, 0, "\xff\xd8\xff"sv)) return FileType::kJpeg;
  if (Has(head, 0, "RIFF"sv) && Has(head, 8, "WEBP"sv)) return FileType::kWebp;
  if (Has(head, 0, "GIF87a"sv) || Has(head, 0, "GIF89a"sv)) return FileType::kGif;
  if (Has(head, 0, "BM"sv) && head.size() >= 26 && head[14] >= 12 && head[15] == 0)
    return FileType::kBmp;  // the size of the second header, small
  if (Has(head, 0, "II*\0"sv) || Has(head, 0, "MM\0*"sv)) return FileType::kTiff;
  if ((Has(head, 0, "RIFF"sv) || Has(head, 0, "RF64"sv)) && Has(head, 8, "WAVE"sv))
    return FileType::kWav;
  if (Has(head, 0, "fLaC"sv)) return FileType::kFlac;
  if (Has(head, 0, "OggS"sv)) return FileType::kOgg;
  if (Has(head, 4, "ftyp"sv)) return Mp4Type(head);
  if (Has(head, 4, "moov"sv) || Has(head, 4, "mdat"sv) || Has(head, 4, "wide"sv))
    return FileType::kMp4;  // old QuickTime
  if (Has(head, 0, "\x1a\x45\xdf\xa3"sv)) return FileType::kMatroska;
  if (Has(head, 0, "ID3"sv)) return FileType::kMp3;
  // A frame's sync word: the layer tells MPEG audio from ADTS.
  if (head.size() >= 4 && head[0] == 0xff && (head[1] & 0xe0) == 0xe0) {
    const int layer = head[1] >> 1 & 3;
    if (layer == 0 && (head[1] & 0xf0) == 0xf0) return FileType::kAac;
    if (layer == 1 && (head[1] >> 3 & 3) != 1 && head[2] >> 4 != 15) return FileType::kMp3;
  }
  return std::nullopt;
}

}  // namespace

std::optional<FileTypeInfo> SniffFileType(std::span<const uint8_t> head) {
  const auto type = Sniff(head);
  if (!type) return std::nullopt;
  return *std::ranges::find(kTypes, *type, &FileTypeInfo::type);
}

std::string_view AcceptedFileTypes() {
  return "a picture (PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF), sound (WAV, MP3, FLAC, Ogg, M4A, AAC) "
         "or "
         "a film (MP4, MOV, MKV, WebM)";
}

}  // namespace carat
