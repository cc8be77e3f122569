// JPEG by libjpeg-turbo.
#include <csetjmp>
#include <cstdio>
// libjpeg wants FILE and size_t to be known.
#include <jpeglib.h>
// Its messages by name.
#include <jerror.h>

#include <algorithm>
#include <array>

#include "decode/pictures.h"
#include "media/exif.h"

namespace carat::decode {
namespace {

constexpr int kExifMarker = JPEG_APP0 + 1;

struct Failure {
  jpeg_error_mgr manager;
  std::jmp_buf leave;
  char text[JMSG_LENGTH_MAX];
  bool incomplete;
};

[[noreturn]] void OnError(j_common_ptr info) {
  auto* failure = reinterpret_cast<Failure*>(info->err);
  info->err->format_message(info, failure->text);
  std::longjmp(failure->leave, 1);
}

// Warnings are common in sound files of cameras; these two mean that a part is missing.
void OnMessage(j_common_ptr info, int level) {
  auto* failure = reinterpret_cast<Failure*>(info->err);
  if (level < 0 && (info->err->msg_code == JWRN_JPEG_EOF || info->err->msg_code == JWRN_HIT_MARKER))
    failure->incomplete = true;
}

// Ink to light, as Pillow does: it takes the inks to be inverted, as Adobe's files have them.
void CmykToRgb(const uint8_t* line, size_t width, uint8_t* out) {
  for (size_t x = 0; x < width; ++x) {
    for (size_t c = 0; c < 3; ++c) {
      const int product = line[4 * x + c] * line[4 * x + 3] + 128;
      out[3 * x + c] = static_cast<uint8_t>((product + (product >> 8)) >> 8);
    }
  }
}

int Orientation(const jpeg_decompress_struct& info) {
  static constexpr std::array<uint8_t, 6> kExif = {'E', 'x', 'i', 'f', 0, 0};
  for (const jpeg_marker_struct* m = info.marker_list; m != nullptr; m = m->next) {
    const std::span<const uint8_t> data(m->data, m->data_length);
    if (m->marker == kExifMarker && data.size() > kExif.size() &&
        std::equal(kExif.begin(), kExif.end(), data.begin()))
      return ExifOrientation(data.subspan(kExif.size()));
  }
  return 1;
}

// The part that libjpeg may leave by a jump: it owns nothing that has a destructor.
bool ReadHeader(jpeg_decompress_struct& info, Failure& failure, std::span<const uint8_t> file) {
  if (setjmp(failure.leave) != 0) return false;
  jpeg_create_decompress(&info);
  jpeg_save_markers(&info, kExifMarker, 0xffff);
  jpeg_mem_src(&info, file.data(), file.size());
  jpeg_read_header(&info, TRUE);
  return true;
}

bool ReadLines(jpeg_decompress_struct& info, Failure& failure, uint8_t* line, uint8_t* pixels) {
  if (setjmp(failure.leave) != 0) return false;
  const bool inks = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  info.out_color_space = inks ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&info);
  const size_t width = info.output_width;
  while (info.output_scanline < info.output_height) {
    uint8_t* to = pixels + size_t{3} * info.output_scanline * width;
    JSAMPROW row = inks ? line : to;
    if (jpeg_read_scanlines(&info, &row, 1) == 1 && inks) CmykToRgb(line, width, to);
  }
  jpeg_finish_decompress(&info);
  return true;
}

}  // namespace

Result<Pixels> DecodeJpeg(std::span<const uint8_t> file) {
  jpeg_decompress_struct info{};
  Failure failure{};
  info.err = jpeg_std_error(&failure.manager);
  failure.manager.error_exit = OnError;
  failure.manager.emit_message = OnMessage;
  struct Owner {
    jpeg_decompress_struct* info;
    ~Owner() { jpeg_destroy_decompress(info); }
  } const owner{&info};
  if (!ReadHeader(info, failure, file)) return Fail(BrokenPicture(failure.text));
  CARAT_TRY(CheckPictureSize(info.image_width, info.image_height));
  const int orientation = Orientation(info);
  Pixels pixels{info.image_height, info.image_width,
                std::vector<uint8_t>(size_t{3} * info.image_height * info.image_width)};
  std::vector<uint8_t> line(size_t{4} * info.image_width);
  if (!ReadLines(info, failure, line.data(), pixels.rgb.data()))
    return Fail(BrokenPicture(failure.text));
  // libjpeg fills what is missing with grey.
  if (failure.incomplete) return Fail(BrokenPicture("it is damaged or ends too early"));
  return TurnUpright(std::move(pixels), orientation);
}

}  // namespace carat::decode
