// WebP by libwebp; of an animation the first frame.
#include <webp/decode.h>
#include <webp/demux.h>

#include <algorithm>
#include <memory>

#include "decode/pictures.h"
#include "media/exif.h"

namespace carat::decode {
namespace {

// Pixels of one bitstream; RGB as it is stored, whatever its alpha.
Result<Pixels> DecodeBitstream(std::span<const uint8_t> data) {
  int width = 0, height = 0;
  if (WebPGetInfo(data.data(), data.size(), &width, &height) == 0)
    return Fail(BrokenPicture("its header cannot be read"));
  CARAT_TRY(CheckPictureSize(static_cast<uint64_t>(width), static_cast<uint64_t>(height)));
  Pixels pixels{static_cast<size_t>(height), static_cast<size_t>(width), {}};
  pixels.rgb.resize(3 * pixels.height * pixels.width);
  if (WebPDecodeRGBInto(data.data(), data.size(), pixels.rgb.data(), pixels.rgb.size(),
                        3 * width) == nullptr)
    return Fail(BrokenPicture("it is damaged or ends too early"));
  return pixels;
}

// A frame of an animation that is smaller than its canvas, whose rest is black.
Result<Pixels> OnCanvas(Pixels frame, size_t left, size_t top, size_t width, size_t height) {
  if (frame.width == width && frame.height == height) return frame;
  if (left + frame.width > width || top + frame.height > height)
    return Fail(BrokenPicture("a frame lies outside of it"));
  Pixels canvas{height, width, std::vector<uint8_t>(3 * width * height)};
  for (size_t y = 0; y < frame.height; ++y)
    std::copy_n(&frame.rgb[3 * y * frame.width], 3 * frame.width,
                &canvas.rgb[3 * ((top + y) * width + left)]);
  return canvas;
}

}  // namespace

Result<Pixels> DecodeWebp(std::span<const uint8_t> file) {
  const WebPData data{file.data(), file.size()};
  const std::unique_ptr<WebPDemuxer, void (*)(WebPDemuxer*)> demuxer(WebPDemux(&data),
                                                                     WebPDemuxDelete);
  if (!demuxer) return Fail(BrokenPicture("it is damaged or ends too early"));
  const size_t width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH);
  const size_t height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT);
  CARAT_TRY(CheckPictureSize(width, height));
  int orientation = 1;
  WebPChunkIterator chunk;
  if (WebPDemuxGetChunk(demuxer.get(), "EXIF", 1, &chunk) != 0) {
    orientation = ExifOrientation({chunk.chunk.bytes, chunk.chunk.size});
    WebPDemuxReleaseChunkIterator(&chunk);
  }
  WebPIterator frame;
  if (WebPDemuxGetFrame(demuxer.get(), 1, &frame) == 0)
    return Fail(BrokenPicture("it holds no frame"));
  auto pixels = DecodeBitstream({frame.fragment.bytes, frame.fragment.size});
  const auto left = static_cast<size_t>(frame.x_offset), top = static_cast<size_t>(frame.y_offset);
  WebPDemuxReleaseIterator(&frame);
  if (!pixels) return pixels;
  CARAT_ASSIGN(Pixels canvas, OnCanvas(*std::move(pixels), left, top, width, height));
  return TurnUpright(std::move(canvas), orientation);
}

}  // namespace carat::decode
