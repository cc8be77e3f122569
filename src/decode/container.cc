#include "decode/container.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "decode/input.h"
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

// The same bound for a stream's decoder, whoever opens it.
struct Options {
  AVDictionary* value = nullptr;
  Options() { av_dict_set_int(&value, "max_pixels", static_cast<int64_t>(kMaxPixels), 0); }
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;
  ~Options() { av_dict_free(&value); }
};

// The end that the file's own header announces, in seconds; 0: none, or none to rely on.
double AnnouncedEnd(const AVFormatContext& format) {
  if (format.duration_estimation_method != AVFMT_DURATION_FROM_STREAM) return 0;
  const std::string_view name = format.iformat->name;
  // A cut MP4 ends reading with an error, and what it announces may be cut by its edit lists.
  if (name.starts_with("mov")) return 0;
  if (name == "wav") return 0;  // see IsCutWav
  return static_cast<double>(format.duration) / AV_TIME_BASE;
}

// Whether its header announces more bytes than the file has.
bool IsCutWav(uint64_t size) {
  constexpr uint32_t kOpen = 0x7FFF0000;  // who writes into a pipe announces the most there can be
  uint8_t head[8] = {};
  if (ReadAt(0, head) < sizeof head) return false;
  uint32_t announced = 0;
  std::memcpy(&announced, &head[4], sizeof announced);
  return announced < kOpen && announced > size;
}

}  // namespace

Error BrokenFile(int error) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(error, text, sizeof text);
  return {.what = "a broken file", .found = text};
}

int Container::ReadSome(void* opaque, uint8_t* out, int size) {
  auto* position = static_cast<Position*>(opaque);
  const size_t n = ReadAt(position->at, {out, static_cast<size_t>(size)});
  position->at += n;
  return n > 0 ? static_cast<int>(n) : AVERROR_EOF;
}

int64_t Container::SeekTo(void* opaque, int64_t offset, int whence) {
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

Result<std::unique_ptr<Container>> Container::Open(const FileTypeInfo& type, Progress progress) {
  av_log_set_level(AV_LOG_QUIET);
  std::unique_ptr<Container> container(
      new Container(std::string(type.demuxer), std::move(progress)));
  CARAT_ASSIGN(container->position_.size, InputSize());
  CARAT_TRY(container->Reopen());
  return container;
}

Status Container::Reopen() {
  const AVInputFormat* input = av_find_input_format(demuxer_.c_str());
  if (input == nullptr) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "no reader for this kind of file",
                 .found = demuxer_});
  }
  format_.reset();
  position_.at = 0;
  damaged_ = demuxer_ == "wav" && IsCutWav(position_.size);
  reached_ = heard_ = 0;
  auto* buffer = static_cast<unsigned char*>(av_malloc(kBufferBytes));
  io_.reset(avio_alloc_context(buffer, kBufferBytes, 0, &position_, ReadSome, nullptr, SeekTo));
  AVFormatContext* context = avformat_alloc_context();
  if (buffer == nullptr || io_ == nullptr || context == nullptr)
    return Fail({.code = ErrorCode::kNoMemory, .what = "no memory to read the file"});
  context->pb = io_.get();
  context->flags |= AVFMT_FLAG_CUSTOM_IO;
  context->codec_whitelist = av_strdup(kDecoders);
  context->format_whitelist = av_strdup(input->name);
  context->protocol_whitelist = av_strdup("none");
  int error = avformat_open_input(&context, nullptr, input, nullptr);  // frees it if it fails
  if (error < 0) return Fail(BrokenFile(error));
  format_.reset(context);
  std::vector<Options> options(context->nb_streams);
  std::vector<AVDictionary*> values(options.size());
  std::ranges::transform(options, values.begin(), &Options::value);
  error = avformat_find_stream_info(context, values.data());
  for (size_t i = 0; i < options.size(); ++i) options[i].value = values[i];  // it may change them
  if (error < 0) return Fail(BrokenFile(error));
  video_ = std::max(-1, av_find_best_stream(context, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0));
  audio_ = std::max(-1, av_find_best_stream(context, AVMEDIA_TYPE_AUDIO, -1, -1, nullptr, 0));
  if (video_ >= 0 && (stream(video_).disposition & AV_DISPOSITION_ATTACHED_PIC) != 0) video_ = -1;
  return {};
}

void Container::Note(const AVPacket& packet) {
  // The last packet of a WAV is marked wherever its length is open.
  damaged_ = damaged_ || ((packet.flags & AV_PKT_FLAG_CORRUPT) != 0 && demuxer_ != "wav");
  if (packet.pts == AV_NOPTS_VALUE) return;
  const double unit = av_q2d(stream(packet.stream_index).time_base);
  const double begin = static_cast<double>(packet.pts) * unit;
  const double end = begin + static_cast<double>(packet.duration) * unit;
  reached_ = std::max(reached_, end);
  if (packet.stream_index != audio_) return;
  constexpr double kHole = 1;  // seconds; encoders pass over silence, but not for so long
  damaged_ = damaged_ || (heard_ > 0 && begin > heard_ + kHole);
  heard_ = end;
}

bool Container::EndsEarly(int index) const {
  // Encoders' delays, and a last frame whose length nobody tells, do not count.
  const AVRational rate = stream(index).avg_frame_rate;
  const double allowed = std::max(0.5, rate.num > 0 ? 2 / av_q2d(rate) : 0);
  return reached_ < AnnouncedEnd(*format_) - allowed;
}

Result<bool> Container::ReadPacket(int index, AVPacket& packet) {
  while (true) {
    av_packet_unref(&packet);
    const int error = av_read_frame(format_.get(), &packet);
    if (error == AVERROR(ENOMEM))
      return Fail({.code = ErrorCode::kNoMemory, .what = "no memory to read the file"});
    if (error < 0) {
      damaged_ = damaged_ || error != AVERROR_EOF || EndsEarly(index);
      return false;
    }
    progress_(position_.size > 0
                  ? static_cast<double>(position_.at) / static_cast<double>(position_.size)
                  : 0);
    Note(packet);
    if (packet.stream_index == index) return true;
  }
}

bool Container::SeekBack(int index, int64_t time) {
  return av_seek_frame(format_.get(), index, time, AVSEEK_FLAG_BACKWARD) >= 0;
}

Result<CodecPtr> Container::OpenDecoder(int index, bool strict) const {
  if (index < 0 || index >= static_cast<int>(format_->nb_streams))
    return Fail(BrokenFile(AVERROR_STREAM_NOT_FOUND));
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
  CodecPtr context(avcodec_alloc_context3(codec));
  if (!context || avcodec_parameters_to_context(context.get(), &wanted) < 0)
    return Fail({.code = ErrorCode::kNoMemory, .what = "no memory for a decoder"});
  context->codec_whitelist = av_strdup(kDecoders);
  context->thread_count = 1;
  context->max_pixels = static_cast<int64_t>(kMaxPixels);
  context->pkt_timebase = stream(index).time_base;
  // With TIFF "explode" means that no tag may be unknown.
  if (strict)
    context->err_recognition =
        AV_EF_CRCCHECK | (wanted.codec_id == AV_CODEC_ID_TIFF ? 0 : AV_EF_EXPLODE);
  if (const int error = avcodec_open2(context.get(), codec, nullptr); error < 0) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "this stream is of a kind that is not decoded",
                 .where = fmt::format("stream {}", index),
                 .found = name});
  }
  return context;
}

Result<FrameReader> FrameReader::Create(Container& container, int stream, bool strict) {
  FrameReader reader(container, stream, strict);
  CARAT_ASSIGN(reader.decoder_, container.OpenDecoder(stream, strict));
  if (reader.packet_ == nullptr || reader.frame_ == nullptr)
    return Fail({.code = ErrorCode::kNoMemory, .what = "no memory for a decoder"});
  return reader;
}

Result<const AVFrame*> FrameReader::Next() {
  while (true) {
    const int got = avcodec_receive_frame(decoder_.get(), frame_.get());
    if (got >= 0) {
      const bool damaged =
          frame_->decode_error_flags != 0 || (frame_->flags & AV_FRAME_FLAG_CORRUPT) != 0;
      if (strict_ && damaged) return Fail(BrokenFile(AVERROR_INVALIDDATA));
      // What fails before the first frame or after the last is a tag, or a cut between key frames.
      damaged_ = damaged_ || damaged || (any_ && failed_ != 0);
      if (!any_) failed_ = 0;
      any_ = true;
      return frame_.get();
    }
    if (got != AVERROR(EAGAIN) && got != AVERROR_EOF) failed_ = got;
    if (!more_packets_) break;
    CARAT_ASSIGN(more_packets_, container_->ReadPacket(stream_, *packet_));
    const int sent = avcodec_send_packet(decoder_.get(), more_packets_ ? packet_.get() : nullptr);
    if (sent < 0 && sent != AVERROR(EAGAIN) && sent != AVERROR_EOF) failed_ = sent;
    if (strict_ && failed_ != 0) break;
  }
  if (!any_ && failed_ != 0) return Fail(BrokenFile(failed_));
  return nullptr;
}

Status FrameReader::Restart() {
  CARAT_TRY(container_->Reopen());
  CARAT_ASSIGN(decoder_, container_->OpenDecoder(stream_, strict_));
  more_packets_ = true;
  return {};
}

bool FrameReader::SeekBack(int64_t time) {
  if (!container_->SeekBack(stream_, time)) return false;
  avcodec_flush_buffers(decoder_.get());
  more_packets_ = true;
  return true;
}

}  // namespace carat::decode
