#include "decode/container.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>
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

// Whether the samples of a WAV go beyond the file. Who writes into a pipe announces nothing, or the
// most there can be.
bool IsCutWav(uint64_t size) {
  constexpr int kMaxChunks = 64;
  uint64_t at = 12;     // behind "RIFF", its size and "WAVE"
  uint64_t longer = 0;  // of an RF64, the bytes of its samples
  uint8_t head[8] = {};
  for (int i = 0; i < kMaxChunks && ReadAt(at, head) == sizeof head; ++i) {
    const uint64_t announced = LittleEndian(std::span(head).subspan(4));
    at += sizeof head;
    if (std::memcmp(head, "ds64", 4) == 0) {
      uint8_t sizes[16] = {};  // of the file, then of the samples
      if (ReadAt(at, sizes) == sizeof sizes) longer = LittleEndian(std::span(sizes).subspan(8));
    }
    if (std::memcmp(head, "data", 4) != 0) {
      at += announced + announced % 2;
      continue;
    }
    if (announced >= 0xFFFF0000) return longer > size - at;
    const bool open = announced >= 0x7FFF0000 && announced <= 0x80001000;
    return !open && announced > size - at;
  }
  return false;
}

// What stands between joined recordings, and is no frame.
bool IsTag(const AVPacket& packet) {
  const std::string_view data(reinterpret_cast<const char*>(packet.data),
                              static_cast<size_t>(std::max(0, packet.size)));
  return data.starts_with("ID3") || data.starts_with("TAG") || data.starts_with("APETAGEX");
}

}  // namespace

Error BrokenFile(int error) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(error, text, sizeof text);
  if (error == AVERROR(ENOMEM))
    return {.code = ErrorCode::kNoMemory, .what = "no memory to decode"};
  return {.what = "a broken file", .found = text};
}

int Container::ReadSome(void* opaque, uint8_t* out, int size) {
  auto* position = static_cast<Position*>(opaque);
  const size_t n = ReadAt(position->at, {out, static_cast<size_t>(size)});
  position->at += n;
  if (n > 0) return static_cast<int>(n);
  if (position->at >= position->size) return AVERROR_EOF;
  position->failed = true;
  return AVERROR(EIO);
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
  position_.failed = false;
  damaged_ = demuxer_ == "wav" && IsCutWav(position_.size);
  reached_ = 0;
  heard_ = seen_ = {};
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
  const AVStream& from = stream(packet.stream_index);
  const double begin = SecondsOf(packet.pts, from), end = begin + SecondsOf(packet.duration, from);
  reached_ = std::max(reached_, end);
  if (packet.stream_index == audio_) heard_.Add(begin, end);
  if (packet.stream_index == video_) seen_.Add(begin, end);
}

void Container::Track::Add(double begin, double end) {
  constexpr double kHole = 0.9;  // seconds; encoders that pass over silence write every 0.4 s
  constexpr size_t kMaxHoles = 1000;
  if (until > 0 && begin > until + kHole && holes.size() < kMaxHoles)
    holes.emplace_back(until, begin);
  until = std::max(until, end);
}

// Whether nothing stands in what was read for about a second, neither sound nor pictures.
bool Container::HasHole() const {
  if (video_ < 0) return !heard_.holes.empty();
  // A hole in one of them alone may be meant: a still picture, a muted microphone.
  return std::ranges::any_of(heard_.holes, [this](const auto& heard) {
    return std::ranges::any_of(seen_.holes, [&](const auto& seen) {
      return heard.first < seen.second && seen.first < heard.second;
    });
  });
}

double Container::AnnouncedEnd() const {
  // What a WAV announces may be open (IsCutWav).
  if (format_->duration_estimation_method != AVFMT_DURATION_FROM_STREAM || demuxer_ == "wav")
    return 0;
  return static_cast<double>(format_->duration) / AV_TIME_BASE;
}

bool Container::EndsEarly() const {
  if (position_.failed) return true;
  if (std::string_view(format_->iformat->name).starts_with("mov")) {
    // Its table says where each frame lies; edit lists may cut the length that it announces.
    for (unsigned i = 0; i < format_->nb_streams; ++i) {
      AVStream* const one = format_->streams[i];
      const int entries = avformat_index_get_entries_count(one);
      for (int k = 0; k < entries; ++k) {
        const AVIndexEntry* entry = avformat_index_get_entry(one, k);
        if (entry->pos >= 0 && static_cast<uint64_t>(entry->pos) +
                                       static_cast<uint64_t>(std::max(0, int{entry->size})) >
                                   position_.size)
          return true;
      }
    }
    return false;
  }
  // Encoders' delays, and a last picture whose length nobody tells, do not count.
  const AVRational rate = video_ >= 0 ? stream(video_).avg_frame_rate : AVRational{0, 1};
  const double allowed = std::max(0.5, rate.num > 0 ? 2 / av_q2d(rate) : 0);
  return reached_ < AnnouncedEnd() - allowed;
}

Result<bool> Container::ReadPacket(int index, AVPacket& packet) {
  constexpr int kMaxErrors = 100;  // without a step forwards
  bool broken = false;
  int errors = 0;
  while (true) {
    av_packet_unref(&packet);
    const int64_t at = avio_tell(io_.get());
    const int error = av_read_frame(format_.get(), &packet);
    if (error == AVERROR(ENOMEM)) return Fail(BrokenFile(error));
    if (error < 0 && error != AVERROR_EOF) {  // some demuxers go on behind what is broken
      broken = true;
      errors = avio_tell(io_.get()) == at ? errors + 1 : 0;
      if (errors < kMaxErrors) continue;
    }
    if (error < 0) {
      damaged_ = damaged_ || error != AVERROR_EOF || EndsEarly();
      return false;
    }
    damaged_ = damaged_ || broken;
    progress_(position_.size > 0
                  ? static_cast<double>(position_.at) / static_cast<double>(position_.size)
                  : 0);
    Note(packet);
    // A decoder would take an empty one for the end.
    if (packet.stream_index == index && packet.size > 0) return true;
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
      // What fails before the first frame is a tag, or a cut between key frames.
      damaged_ = damaged_ || damaged || (begun_ ? failures_ > 0 : HasLost());
      any_ = begun_ = true;
      failures_ = 0;
      return frame_.get();
    }
    if (got != AVERROR(EAGAIN) && got != AVERROR_EOF) CARAT_TRY(Failed(got));
    if (!more_packets_) break;
    CARAT_ASSIGN(more_packets_, container_->ReadPacket(stream_, *packet_));
    const int sent = avcodec_send_packet(decoder_.get(), more_packets_ ? packet_.get() : nullptr);
    if (sent < 0 && sent != AVERROR(EAGAIN) && sent != AVERROR_EOF && !IsTag(*packet_))
      CARAT_TRY(Failed(sent));
    if (strict_ && failed_ != 0) break;
  }
  if (!any_ && failed_ != 0) return Fail(BrokenFile(failed_));
  damaged_ = damaged_ || HasLost();
  return nullptr;
}

Status FrameReader::Failed(int error) {
  if (error == AVERROR(ENOMEM)) return Fail(BrokenFile(error));
  failed_ = error;
  ++failures_;
  return {};
}

// Of sound more has failed in a row than tags and rubbish at its ends do.
bool FrameReader::HasLost() const {
  constexpr int kTags = 8;
  return decoder_->codec_type == AVMEDIA_TYPE_AUDIO && failures_ > kTags;
}

Status FrameReader::Restart() {
  CARAT_TRY(container_->Reopen());
  CARAT_ASSIGN(decoder_, container_->OpenDecoder(stream_, strict_));
  more_packets_ = true;
  damaged_ = begun_ = false;
  failures_ = 0;
  return {};
}

bool FrameReader::SeekBack(int64_t time) {
  if (!container_->SeekBack(stream_, time)) return false;
  avcodec_flush_buffers(decoder_.get());
  more_packets_ = true;
  begun_ = false;
  failures_ = 0;
  return true;
}

}  // namespace carat::decode
