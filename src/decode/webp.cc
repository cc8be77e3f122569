// WebP by libwebp; of an animation the first frame.
#include <webp/decode.h>
#include <webp/demux.h>

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

}  // namespace

Result<Pixels> DecodeWebp(std::span<const uint8_t> file) {
  const WebPData data{file.data(), file.size()};
  const std::unique_ptr<WebPDemuxer, void (*)(WebPDemuxer*)> demuxer(WebPDemux(&data),
                                                                     WebPDemuxDelete);
  if (!demuxer) return Fail(BrokenPicture("it is damaged or ends too early"));
  CARAT_TRY(CheckPictureSize(WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH),
                             WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT)));
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
  WebPDemuxReleaseIterator(&frame);
  if (!pixels) return pixels;
  return TurnUpright(*std::move(pixels), orientation);
}

}  // namespace carat::decode
