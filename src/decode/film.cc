#include "decode/film.h"

#include <fmt/format.h>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "decode/input.h"
#include "decode/mono.h"
#include "decode/pictures.h"
#include "media/limits.h"

namespace carat::decode {
namespace {

// Everything that may be decoded; FFmpeg itself refuses the rest.
constexpr char kDecoders[] =
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_u8,pcm_s8,pcm_f32le,pcm_f32be,"
    "pcm_f64le,pcm_f64be,pcm_alaw,pcm_mulaw,mp3,mp3float,mp2,mp2float,flac,vorbis,opus,libopus,aac,"
    "alac,h264,hevc,vp8,vp9,libdav1d,libaom-av1,av1,mpeg4,mpeg2video,mjpeg,prores,gif,bmp,tiff";

constexpr int kBufferBytes = 1 << 16;

struct FreeFormat {
  void operator()(AVFormatContext* p) const { avformat_close_input(&p); }
};
struct FreeIo {
  void operator()(AVIOContext* p) const {
    av_freep(&p->buffer);
    avio_context_free(&p);
  }
};
struct FreeCodec {
  void operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
};
struct FreePacket {
  void operator()(AVPacket* p) const { av_packet_free(&p); }
};
struct FreeFrame {
  void operator()(AVFrame* p) const { av_frame_free(&p); }
};
struct FreeScaler {
  void operator()(SwsContext* p) const { sws_freeContext(p); }
};

std::string Words(int error) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(error, text, sizeof text);
  return text;
}

Error Broken(const std::string& what, int error) { return {.what = what, .found = Words(error)}; }

// Where FFmpeg reads.
struct Position {
  uint64_t at = 0;
  uint64_t size = 0;
};

int ReadSome(void* opaque, uint8_t* out, int size) {
  auto* position = static_cast<Position*>(opaque);
  const size_t n = ReadAt(position->at, {out, static_cast<size_t>(size)});
  position->at += n;
  return n > 0 ? static_cast<int>(n) : AVERROR_EOF;
}

int64_t SeekTo(void* opaque, int64_t offset, int whence) {
  auto* position = static_cast<Position*>(opaque);
  whence &= ~AVSEEK_FORCE;
  if (whence == AVSEEK_SIZE) return static_cast<int64_t>(position->size);
  const int64_t from = whence == SEEK_SET   ? 0
                       : whence == SEEK_CUR ? static_cast<int64_t>(position->at)
                                            : static_cast<int64_t>(position->size);
  if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END) return AVERROR(EINVAL);
  if (offset > 0 ? from > INT64_MAX - offset : from + offset < 0) return AVERROR(EINVAL);
  position->at = static_cast<uint64_t>(from + offset);
  return from + offset;
}

}  // namespace

struct Film::Parts {
  Position position;
  std::unique_ptr<AVIOContext, FreeIo> io;
  std::unique_ptr<AVFormatContext, FreeFormat> format;
  std::unique_ptr<AVPacket, FreePacket> packet{av_packet_alloc()};
  std::unique_ptr<AVFrame, FreeFrame> frame{av_frame_alloc()};
  std::unique_ptr<SwsContext, FreeScaler> scaler;
  int video = -1, audio = -1;

  const AVStream& stream(int index) const { return *format->streams[index]; }
  Result<std::unique_ptr<AVCodecContext, FreeCodec>> OpenDecoder(int index) const;
  // Decodes a stream; `take` says whether it wants more.
  Status Decode(int index, const std::function<Result<bool>(const AVFrame&)>& take);
  Result<Pixels> ToPixels(const AVFrame& picture);
  double FramesPerSecond() const;
  int64_t CountFrames();
  Status Rewind();
};

Film::Film(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Film::Film(Film&&) noexcept = default;
Film::~Film() = default;

Result<Film> Film::Open(const FileTypeInfo& type) {
  av_log_set_level(AV_LOG_QUIET);
  auto parts = std::make_unique<Parts>();
  Parts& p = *parts;
  CARAT_ASSIGN(p.position.size, InputSize());
  const std::string demuxer(type.demuxer);
  const AVInputFormat* input = av_find_input_format(demuxer.c_str());
  auto* buffer = static_cast<unsigned char*>(av_malloc(kBufferBytes));
  if (input == nullptr || buffer == nullptr || p.packet == nullptr || p.frame == nullptr)
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "no reader for this kind of file",
                 .found = std::string(type.name)});
  p.io.reset(avio_alloc_context(buffer, kBufferBytes, 0, &p.position, ReadSome, nullptr, SeekTo));
  AVFormatContext* context = avformat_alloc_context();
  if (p.io == nullptr || context == nullptr)
    return Fail({.code = ErrorCode::kNoMemory, .what = "no memory to read the file"});
  context->pb = p.io.get();
  context->flags |= AVFMT_FLAG_CUSTOM_IO;
  context->codec_whitelist = av_strdup(kDecoders);
  context->format_whitelist = av_strdup(input->name);
  context->protocol_whitelist = av_strdup("none");
  int error = avformat_open_input(&context, nullptr, input, nullptr);  // frees it if it fails
  if (error < 0) return Fail(Broken("a broken file", error));
  p.format.reset(context);
  error = avformat_find_stream_info(context, nullptr);
  if (error < 0) return Fail(Broken("a broken file", error));
  p.video = std::max(-1, av_find_best_stream(context, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0));
  p.audio = std::max(-1, av_find_best_stream(context, AVMEDIA_TYPE_AUDIO, -1, -1, nullptr, 0));
  // The cover of a record is no film.
  if (p.video >= 0 && (p.stream(p.video).disposition & AV_DISPOSITION_ATTACHED_PIC) != 0)
    p.video = -1;
  return Film(std::move(parts));
}

Result<std::unique_ptr<AVCodecContext, FreeCodec>> Film::Parts::OpenDecoder(int index) const {
  const AVCodecParameters& wanted = *stream(index).codecpar;
  const AVCodec* codec = avcodec_find_decoder(wanted.codec_id);
  const std::string name = avcodec_get_name(wanted.codec_id);
  if (codec == nullptr) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "no decoder for this stream",
                 .where = fmt::format("stream {}", index),
                 .found = name});
  }
  if (wanted.codec_type == AVMEDIA_TYPE_VIDEO) {
    CARAT_TRY(CheckPictureSize(static_cast<uint64_t>(std::max(0, wanted.width)),
                               static_cast<uint64_t>(std::max(0, wanted.height))));
  }
  std::unique_ptr<AVCodecContext, FreeCodec> context(avcodec_alloc_context3(codec));
  if (!context || avcodec_parameters_to_context(context.get(), &wanted) < 0)
    return Fail({.code = ErrorCode::kNoMemory, .what = "no memory for a decoder"});
  context->codec_whitelist = av_strdup(kDecoders);
  context->thread_count = 1;
  context->max_pixels = static_cast<int64_t>(kMaxPixels);
  context->pkt_timebase = stream(index).time_base;
  if (const int error = avcodec_open2(context.get(), codec, nullptr); error < 0) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "this stream is of a kind that is not decoded",
                 .where = fmt::format("stream {}", index),
                 .found = name});
  }
  return context;
}

Status Film::Parts::Decode(int index, const std::function<Result<bool>(const AVFrame&)>& take) {
  CARAT_ASSIGN(const auto decoder, OpenDecoder(index));
  bool more_packets = true, any = false;
  int failed = 0;
  while (true) {
    if (more_packets) {
      const int error = av_read_frame(format.get(), packet.get());
      more_packets = error >= 0;
      if (more_packets && packet->stream_index != index) {
        av_packet_unref(packet.get());
        continue;
      }
      const int sent = avcodec_send_packet(decoder.get(), more_packets ? packet.get() : nullptr);
      if (more_packets) av_packet_unref(packet.get());
      if (sent < 0 && sent != AVERROR(EAGAIN) && sent != AVERROR_EOF) failed = sent;
    }
    int got = 0;
    while ((got = avcodec_receive_frame(decoder.get(), frame.get())) >= 0) {
      any = true;
      const Result<bool> more = take(*frame);
      av_frame_unref(frame.get());
      if (!more) return Fail(more.error());
      if (!*more) return {};
    }
    if (got != AVERROR(EAGAIN) && got != AVERROR_EOF) failed = got;
    if (!more_packets) break;
  }
  // A damaged part of a recording is passed over; a file of which nothing comes out is broken.
  if (!any && failed != 0) return Fail(Broken("a broken file", failed));
  return {};
}

Result<Pixels> Film::Parts::ToPixels(const AVFrame& picture) {
  CARAT_TRY(CheckPictureSize(static_cast<uint64_t>(std::max(0, picture.width)),
                             static_cast<uint64_t>(std::max(0, picture.height))));
  scaler.reset(sws_getCachedContext(
      scaler.release(), picture.width, picture.height, static_cast<AVPixelFormat>(picture.format),
      picture.width, picture.height, AV_PIX_FMT_RGB24,
      SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP, nullptr, nullptr,
      nullptr));
  if (scaler == nullptr)
    return Fail({.code = ErrorCode::kUnsupported, .what = "an unknown kind of pixels"});
  // The film says how its colours are meant; what it leaves open depends on its size, as
  // everywhere.
  const int matrix = picture.colorspace != AVCOL_SPC_UNSPECIFIED
                         ? static_cast<int>(picture.colorspace)
                     : picture.height > 576 ? SWS_CS_ITU709
                                            : SWS_CS_ITU601;
  const int* out_matrix = sws_getCoefficients(SWS_CS_DEFAULT);
  constexpr int kPlain = 1 << 16;  // contrast and saturation unchanged
  sws_setColorspaceDetails(scaler.get(), sws_getCoefficients(matrix),
                           picture.color_range == AVCOL_RANGE_JPEG ? 1 : 0, out_matrix, 1, 0,
                           kPlain, kPlain);
  const auto height = static_cast<size_t>(picture.height);
  const auto width = static_cast<size_t>(picture.width);
  // swscale may write beyond a line whose length it does not like.
  const size_t line = (3 * width + 63) / 64 * 64;
  std::vector<uint8_t> lines(line * height + 64);
  uint8_t* const planes[] = {lines.data()};
  const int strides[] = {static_cast<int>(line)};
  sws_scale(scaler.get(), picture.data, picture.linesize, 0, picture.height, planes, strides);
  Pixels pixels{height, width, std::vector<uint8_t>(3 * width * height)};
  for (size_t y = 0; y < height; ++y)
    std::memcpy(&pixels.rgb[3 * y * width], &lines[y * line], 3 * width);
  return pixels;
}

double Film::Parts::FramesPerSecond() const {
  const AVRational rate = stream(video).avg_frame_rate;
  const double value = rate.den > 0 ? av_q2d(rate) : 0;
  return std::isfinite(value) && value > 0 ? value : 24;  // as the reference assumes
}

// How many pictures the film has, counted, since containers lie about it.
int64_t Film::Parts::CountFrames() {
  int64_t count = 0;
  while (av_read_frame(format.get(), packet.get()) >= 0) {
    if (packet->stream_index == video) ++count;
    av_packet_unref(packet.get());
  }
  return count;
}

Status Film::Parts::Rewind() {
  const int error =
      avformat_seek_file(format.get(), -1, INT64_MIN, INT64_MIN, INT64_MAX, AVSEEK_FLAG_BACKWARD);
  if (error < 0) return Fail(Broken("the film cannot be read again from its beginning", error));
  return {};
}

wire::Info Film::Describe() const {
  const Parts& p = *parts_;
  wire::Info info;
  if (p.video >= 0) {
    info.has_picture = 1;
    info.width = static_cast<uint32_t>(std::max(0, p.stream(p.video).codecpar->width));
    info.height = static_cast<uint32_t>(std::max(0, p.stream(p.video).codecpar->height));
    info.frames_per_second = p.FramesPerSecond();
  }
  if (p.audio >= 0) {
    info.has_sound = 1;
    info.sample_rate = static_cast<uint32_t>(std::max(0, p.stream(p.audio).codecpar->sample_rate));
    info.channels =
        static_cast<uint32_t>(std::max(0, p.stream(p.audio).codecpar->ch_layout.nb_channels));
  }
  if (p.format->duration > 0) info.seconds = static_cast<double>(p.format->duration) / AV_TIME_BASE;
  return info;
}

Result<Pixels> Film::FirstPicture() {
  Parts& p = *parts_;
  if (p.video < 0) return Fail({.what = "the file holds no picture"});
  Result<Pixels> pixels = Fail({.what = "the file holds no picture"});
  CARAT_TRY(p.Decode(p.video, [&](const AVFrame& picture) -> Result<bool> {
    CARAT_ASSIGN(pixels, p.ToPixels(picture));
    return false;
  }));
  return pixels;
}

Status Film::Frames(int64_t wanted, double per_second, const FrameSink& sink) {
  Parts& p = *parts_;
  if (p.video < 0) return Fail({.what = "the film holds no pictures"});
  const int64_t total = p.CountFrames();
  if (total == 0) return Fail({.what = "the film holds no pictures"});
  CARAT_TRY(p.Rewind());
  const double rate = p.FramesPerSecond();
  if (per_second > 0) {
    const double count = std::floor(static_cast<double>(total) / rate * per_second);
    wanted = static_cast<int64_t>(std::clamp(count, 1.0, static_cast<double>(kMaxVideoFrames)));
  }
  wanted = std::clamp<int64_t>(std::min(wanted, total), 1, kMaxVideoFrames);
  int64_t index = 0, taken = 0;
  return p.Decode(p.video, [&](const AVFrame& picture) -> Result<bool> {
    if (index == taken * total / wanted) {
      CARAT_ASSIGN(Pixels pixels, p.ToPixels(picture));
      sink(std::move(pixels), index, static_cast<double>(index) / rate);
      ++taken;
    }
    ++index;
    return taken < wanted;
  });
}

Status Film::Sound(const SampleSink& sink) {
  Parts& p = *parts_;
  if (p.audio < 0) return Fail({.what = "the file holds no sound"});
  std::optional<MonoResampler> mono;
  CARAT_TRY(p.Decode(p.audio, [&](const AVFrame& block) -> Result<bool> {
    if (!mono) {
      CARAT_ASSIGN(mono, MonoResampler::Create(block.sample_rate, block.ch_layout.nb_channels));
    }
    CARAT_TRY(mono->Push(block, sink));
    return true;
  }));
  return mono ? mono->Finish(sink) : Status();
}

}  // namespace carat::decode
