#include "decode/film_index.h"

#include <algorithm>
#include <string>

#include "media/limits.h"

namespace carat::decode {
namespace {

// A frame that is decoded for others and never shown.
bool IsHidden(const AVPacket& packet, AVCodecID codec) {
  if ((packet.flags & AV_PKT_FLAG_DISCARD) != 0) return true;
  constexpr int kShown = 0x10;  // RFC 6386, section 9.1
  return codec == AV_CODEC_ID_VP8 && packet.size > 0 && (packet.data[0] & kShown) == 0;
}

}  // namespace

Result<FilmIndex> ReadFilmIndex(Container& container) {
  const int video = container.video();
  const AVCodecID codec = container.stream(video).codecpar->codec_id;
  const PacketPtr packet(av_packet_alloc());
  if (packet == nullptr)
    return Fail({.code = ErrorCode::kNoMemory, .what = "no memory for a packet"});
  FilmIndex index;
  bool timed = true;
  while (true) {
    CARAT_ASSIGN(const bool more, container.ReadPacket(video, *packet));
    if (!more) break;
    if (IsHidden(*packet, codec)) continue;
    if (++index.frames > kMaxFilmFrames) {
      return Fail({.code = ErrorCode::kUnsupported,
                   .what = "the film has too many pictures",
                   .wanted = "at most " + std::to_string(kMaxFilmFrames)});
    }
    timed = timed && packet->pts != AV_NOPTS_VALUE;
    if (!timed) continue;
    index.times.push_back(packet->pts);
    if ((packet->flags & AV_PKT_FLAG_KEY) != 0) index.keys.push_back(packet->pts);
  }
  index.damaged = container.damaged();
  std::ranges::sort(index.times);
  std::ranges::sort(index.keys);
  if (!timed || std::ranges::adjacent_find(index.times) != index.times.end()) {
    index.times.clear();
    index.keys.clear();
  }
  return index;
}

}  // namespace carat::decode
