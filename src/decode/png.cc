// PNG by libpng.
#include <png.h>

#include <csetjmp>
#include <cstring>

#include "decode/pictures.h"
#include "media/exif.h"

namespace carat::decode {
namespace {

struct Reading {
  std::span<const uint8_t> rest;
  char text[200];
};

void Read(png_structp png, png_bytep out, size_t size) {
  auto* reading = static_cast<Reading*>(png_get_io_ptr(png));
  if (size > reading->rest.size()) png_error(png, "the file ends too early");
  std::memcpy(out, reading->rest.data(), size);
  reading->rest = reading->rest.subspan(size);
}

[[noreturn]] void OnError(png_structp png, png_const_charp text) {
  auto* reading = static_cast<Reading*>(png_get_error_ptr(png));
  std::strncpy(reading->text, text, sizeof reading->text - 1);
  std::longjmp(*png_set_longjmp_fn(png, std::longjmp, sizeof(std::jmp_buf)), 1);
}

void OnWarning(png_structp, png_const_charp) {}

// The parts that libpng may leave by a jump: they own nothing that has a destructor.
bool ReadHeader(png_structp png, png_infop info, Reading& reading) {
  if (setjmp(*png_set_longjmp_fn(png, std::longjmp, sizeof(std::jmp_buf))) != 0) return false;
  png_set_read_fn(png, &reading, Read);
  png_set_chunk_cache_max(png, 128);
  png_set_chunk_malloc_max(png, size_t{8} << 20);
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_read_info(png, info);
  return true;
}

bool ReadRows(png_structp png, png_infop info, png_bytepp rows) {
  if (setjmp(*png_set_longjmp_fn(png, std::longjmp, sizeof(std::jmp_buf))) != 0) return false;
  png_set_strip_16(png);  // the high byte
  png_set_expand(png);
  png_set_gray_to_rgb(png);
  png_set_strip_alpha(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  if (png_get_channels(png, info) != 3 || png_get_bit_depth(png, info) != 8)
    png_error(png, "an unknown kind of pixels");
  png_read_image(png, rows);
  png_read_end(png, info);
  return true;
}

int Orientation(png_structp png, png_infop info) {
  png_bytep exif = nullptr;
  png_uint_32 size = 0;
  if (png_get_eXIf_1(png, info, &size, &exif) == 0 || exif == nullptr) return 1;
  return ExifOrientation({exif, size});
}

}  // namespace

Result<Pixels> DecodePng(std::span<const uint8_t> file) {
  Reading reading{.rest = file, .text = {}};
  struct Owner {
    png_structp png = nullptr;
    png_infop info = nullptr;
    ~Owner() { png_destroy_read_struct(&png, &info, nullptr); }
  } owner;
  owner.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, OnError, OnWarning);
  owner.info = owner.png != nullptr ? png_create_info_struct(owner.png) : nullptr;
  if (owner.info == nullptr)
    return Fail({.code = ErrorCode::kNoMemory, .what = "no memory for a picture"});
  if (!ReadHeader(owner.png, owner.info, reading)) return Fail(BrokenPicture(reading.text));
  const png_uint_32 width = png_get_image_width(owner.png, owner.info);
  const png_uint_32 height = png_get_image_height(owner.png, owner.info);
  CARAT_TRY(CheckPictureSize(width, height));
  Pixels pixels{height, width, std::vector<uint8_t>(size_t{3} * height * width)};
  std::vector<png_bytep> rows(height);
  for (size_t y = 0; y < height; ++y) rows[y] = &pixels.rgb[3 * y * width];
  if (!ReadRows(owner.png, owner.info, rows.data())) return Fail(BrokenPicture(reading.text));
  return TurnUpright(std::move(pixels), Orientation(owner.png, owner.info));
}

}  // namespace carat::decode
