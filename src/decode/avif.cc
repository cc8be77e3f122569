// AVIF by libavif; of a sequence the first picture.
#include <avif/avif.h>

#include <memory>

#include "decode/pictures.h"
#include "media/exif.h"
#include "media/limits.h"

namespace carat::decode {
namespace {

// The file's own turns, in the order that the format gives them; its EXIF does not count.
Pixels Upright(Pixels pixels, const avifImage& image) {
  constexpr int kAnticlockwise[] = {1, 8, 3, 6};  // quarter turns, as EXIF counts them
  if ((image.transformFlags & AVIF_TRANSFORM_IROT) != 0)
    pixels = TurnUpright(std::move(pixels), kAnticlockwise[image.irot.angle & 3]);
  if ((image.transformFlags & AVIF_TRANSFORM_IMIR) != 0)
    pixels = TurnUpright(std::move(pixels), image.imir.mode == 0 ? 4 : 2);
  return pixels;
}

}  // namespace

Result<Pixels> DecodeAvif(std::span<const uint8_t> file) {
  const std::unique_ptr<avifDecoder, void (*)(avifDecoder*)> decoder(avifDecoderCreate(),
                                                                     avifDecoderDestroy);
  if (!decoder) return Fail({.code = ErrorCode::kNoMemory, .what = "no memory for a decoder"});
  decoder->maxThreads = 1;
  // What older encoders leave out; Pillow takes such files too.
  decoder->strictFlags &=
      ~static_cast<avifStrictFlags>(AVIF_STRICT_PIXI_REQUIRED | AVIF_STRICT_CLAP_VALID);
  decoder->ignoreExif = decoder->ignoreXMP = AVIF_TRUE;
  decoder->imageSizeLimit = static_cast<uint32_t>(kMaxPixels);
  decoder->imageDimensionLimit = kMaxSide;
  avifResult result = avifDecoderSetIOMemory(decoder.get(), file.data(), file.size());
  if (result == AVIF_RESULT_OK) result = avifDecoderParse(decoder.get());
  if (result != AVIF_RESULT_OK) {
    // Of a picture beyond the limits the library says so here alone.
    const std::string more = decoder->diag.error;
    return Fail(BrokenPicture(avifResultToString(result) + (more.empty() ? "" : ": " + more)));
  }
  const avifImage& image = *decoder->image;
  CARAT_TRY(CheckPictureSize(image.width, image.height));
  result = avifDecoderNextImage(decoder.get());
  if (result != AVIF_RESULT_OK) return Fail(BrokenPicture(avifResultToString(result)));
  Pixels pixels{image.height, image.width,
                std::vector<uint8_t>(size_t{3} * image.height * image.width)};
  avifRGBImage rgb;
  avifRGBImageSetDefaults(&rgb, &image);
  rgb.format = AVIF_RGB_FORMAT_RGB;
  rgb.depth = 8;
  rgb.ignoreAlpha = AVIF_TRUE;
  rgb.pixels = pixels.rgb.data();
  rgb.rowBytes = 3 * image.width;
  result = avifImageYUVToRGB(&image, &rgb);
  if (result != AVIF_RESULT_OK) return Fail(BrokenPicture(avifResultToString(result)));
  return Upright(std::move(pixels), image);
}

}  // namespace carat::decode
