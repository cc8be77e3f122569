#include "decode/film.h"

#include <fmt/format.h>

extern "C" {
#include <libavutil/display.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "decode/film_index.h"
#include "decode/mono.h"
#include "decode/pictures.h"
#include "media/exif.h"
#include "media/limits.h"

namespace carat::decode {
namespace {

constexpr double kMaxSaidSeconds = 100.0 * 24 * 3600;

// A later beginning of sound and a hole in it become silence, so that times stay true. Shorter ones
// are rounding; longer ones, or ones beyond the end that the file announces, are broken times.
constexpr double kHole = 0.5, kLongestHole = 60;  // seconds

// The length of the sound by the file's own words; 0: it says none.
double AnnouncedSound(const Container& container) {
  if (container.AnnouncedEnd() == 0) return 0;
  const AVStream& sound = container.stream(container.audio());
  return sound.duration != AV_NOPTS_VALUE ? SecondsOf(sound.duration, sound)
                                          : container.AnnouncedEnd();
}

// When a stream begins, in seconds, if there is one and it says so.
std::optional<double> StartOf(const Container& container, int index) {
  if (index < 0 || container.stream(index).start_time == AV_NOPTS_VALUE) return std::nullopt;
  return SecondsOf(container.stream(index).start_time, container.stream(index));
}

Error NoPictures() { return {.what = "the film holds no pictures"}; }

// Whether samples use all of their range: the file says so, or they are no luma as television has.
bool IsFullRange(const AVFrame& picture) {
  if (picture.color_range != AVCOL_RANGE_UNSPECIFIED)
    return picture.color_range == AVCOL_RANGE_JPEG;
  const AVPixFmtDescriptor* kind = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(picture.format));
  return kind != nullptr && (kind->nb_components < 3 || (kind->flags & AV_PIX_FMT_FLAG_RGB) != 0);
}

// Samples of sixteen bits become their high byte, as in the common pictures; swscale would round.
// False: these pixels are of another kind.
bool TakeHighBytes(const AVFrame& picture, Pixels& pixels) {
  const AVPixFmtDescriptor* kind = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(picture.format));
  if (kind == nullptr || kind->comp[0].depth != 16 || (kind->flags & AV_PIX_FMT_FLAG_FLOAT) != 0)
    return false;
  const bool grey = kind->nb_components < 3;
  if (!grey && (kind->flags & AV_PIX_FMT_FLAG_RGB) == 0) return false;
  const int high = (kind->flags & AV_PIX_FMT_FLAG_BE) != 0 ? 0 : 1;
  uint8_t* out = pixels.rgb.data();
  for (size_t y = 0; y < pixels.height; ++y) {
    for (size_t x = 0; x < pixels.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const AVComponentDescriptor& part = kind->comp[grey ? 0 : c];
        *out++ =
            picture.data[part.plane][static_cast<ptrdiff_t>(y) * picture.linesize[part.plane] +
                                     static_cast<ptrdiff_t>(x) * part.step + part.offset + high];
      }
    }
  }
  return true;
}

// The frames of a film, of which some are wanted.
class Picker {
 public:
  // `unit`: of times, in seconds.
  Picker(FrameReader& reader, const FilmIndex& index, double unit)
      : reader_(reader), index_(index), unit_(unit) {}

  // The frame with this number, at or after the one that was last asked for; null beyond the end.
  Result<const AVFrame*> Get(int64_t number) {
    if (index_.times.empty()) return ByCounting(number);
    return ByTime(index_.times[static_cast<size_t>(number)]);
  }

  // Whether what Get gave stands so long after what was asked for that it shows something else.
  bool IsLate(const AVFrame& frame, int64_t number) const {
    constexpr double kLate = 1;  // seconds
    if (index_.times.empty()) return false;
    const auto wanted = static_cast<double>(index_.times[static_cast<size_t>(number)]);
    return (static_cast<double>(TimeOf(frame)) - wanted) * unit_ > kLate;
  }

 private:
  Result<const AVFrame*> ByCounting(int64_t number) {
    while (true) {
      CARAT_ASSIGN(const AVFrame* frame, reader_.Next());
      if (frame == nullptr || next_++ == number) return frame;
    }
  }

  Result<const AVFrame*> ByTime(int64_t time) {
    if (held_ == nullptr || TimeOf(*held_) < time) {
      CARAT_TRY(SeekTowards(time));
    }
    // A frame that never came out is stood for by the next one.
    while (held_ == nullptr || TimeOf(*held_) < time) {
      CARAT_ASSIGN(held_, reader_.Next());
      if (held_ == nullptr) return nullptr;
    }
    return held_;
  }

  // Goes on from a key frame where that leaves some frames out.
  Status SeekTowards(int64_t time) {
    constexpr std::ptrdiff_t kWorthIt = 4;
    const auto key = std::ranges::upper_bound(index_.keys, time);
    if (!seeks_ || key == index_.keys.begin()) return {};
    const int64_t key_time = *std::prev(key), now = held_ != nullptr ? TimeOf(*held_) : INT64_MIN;
    const auto left_out = std::ranges::lower_bound(index_.times, key_time) -
                          std::ranges::upper_bound(index_.times, now);
    if (left_out < kWorthIt) return {};
    held_ = nullptr;
    seeks_ = reader_.SeekBack(key_time);
    if (seeks_) {
      CARAT_ASSIGN(held_, reader_.Next());
      // The file may have led elsewhere, or have called a frame a key that is none.
      seeks_ = held_ != nullptr && TimeOf(*held_) <= time &&
               (held_->key_frame != 0 || TimeOf(*held_) < key_time);
    }
    if (seeks_) return {};
    held_ = nullptr;
    return reader_.Restart();
  }

  static int64_t TimeOf(const AVFrame& frame) {
    const int64_t time = frame.pts != AV_NOPTS_VALUE ? frame.pts : frame.best_effort_timestamp;
    return time == AV_NOPTS_VALUE ? INT64_MIN : time;
  }

  FrameReader& reader_;
  const FilmIndex& index_;
  double unit_;
  bool seeks_ = true;
  int64_t next_ = 0;               // by counting
  const AVFrame* held_ = nullptr;  // by time: the last one; the reader's
};

}  // namespace

void Film::FreeScaler::operator()(SwsContext* p) const { sws_freeContext(p); }

Film::Film(std::unique_ptr<Container> container) : container_(std::move(container)) {}
Film::Film(Film&&) noexcept = default;
Film::~Film() = default;

Result<Film> Film::Open(const FileTypeInfo& type, Progress progress) {
  CARAT_ASSIGN(auto container, Container::Open(type, std::move(progress)));
  return Film(std::move(container));
}

Result<Pixels> Film::ToPixels(const AVFrame& picture) {
  CARAT_TRY(CheckPictureSize(static_cast<uint64_t>(std::max(0, picture.width)),
                             static_cast<uint64_t>(std::max(0, picture.height))));
  const auto height = static_cast<size_t>(picture.height);
  const auto width = static_cast<size_t>(picture.width);
  Pixels pixels{height, width, std::vector<uint8_t>(3 * width * height)};
  if (TakeHighBytes(picture, pixels)) return pixels;
  scaler_.reset(sws_getCachedContext(
      scaler_.release(), picture.width, picture.height, static_cast<AVPixelFormat>(picture.format),
      picture.width, picture.height, AV_PIX_FMT_RGB24,
      SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP, nullptr, nullptr,
      nullptr));
  if (scaler_ == nullptr)
    return Fail({.code = ErrorCode::kUnsupported, .what = "an unknown kind of pixels"});
  // The film says how its colours are meant; what it leaves open depends on its size, as
  // everywhere.
  const int matrix = picture.colorspace != AVCOL_SPC_UNSPECIFIED
                         ? static_cast<int>(picture.colorspace)
                     : picture.height > 576 ? SWS_CS_ITU709
                                            : SWS_CS_ITU601;
  const int* out_matrix = sws_getCoefficients(SWS_CS_DEFAULT);
  constexpr int kPlain = 1 << 16;  // contrast and saturation unchanged
  sws_setColorspaceDetails(scaler_.get(), sws_getCoefficients(matrix), IsFullRange(picture) ? 1 : 0,
                           out_matrix, 1, 0, kPlain, kPlain);
  // swscale may write beyond a line whose length it does not like.
  const size_t line = (3 * width + 63) / 64 * 64;
  std::vector<uint8_t> lines(line * height + 64);
  uint8_t* const planes[] = {lines.data()};
  const int strides[] = {static_cast<int>(line)};
  if (sws_scale(scaler_.get(), picture.data, picture.linesize, 0, picture.height, planes,
                strides) != picture.height)
    return Fail({.what = "a broken picture: its colours cannot be read"});
  for (size_t y = 0; y < height; ++y)
    std::memcpy(&pixels.rgb[3 * y * width], &lines[y * line], 3 * width);
  return pixels;
}

double Film::FramesPerSecond() const {
  const AVRational rate = container_->stream(container_->video()).avg_frame_rate;
  const double value = rate.den > 0 ? av_q2d(rate) : 0;
  return std::isfinite(value) && value > 0 ? value : 24;  // as the reference assumes
}

// How a telephone was held, as EXIF counts it: quarter turns.
int Film::Orientation() const {
  size_t size = 0;
  const uint8_t* matrix = av_stream_get_side_data(&container_->stream(container_->video()),
                                                  AV_PKT_DATA_DISPLAYMATRIX, &size);
  if (matrix == nullptr || size < 9 * sizeof(int32_t)) return 1;
  int32_t values[9];
  std::memcpy(values, matrix, sizeof values);
  const double turn = av_display_rotation_get(values);  // anticlockwise, degrees
  if (!std::isfinite(turn)) return 1;
  switch ((std::lround(turn / 90) % 4 + 4) % 4) {
    case 1:
      return 8;
    case 2:
      return 3;
    case 3:
      return 6;
    default:
      return 1;
  }
}

wire::Info Film::Describe() const {
  wire::Info info;
  const auto positive = [](int value) { return static_cast<uint32_t>(std::max(0, value)); };
  if (container_->video() >= 0) {
    const AVCodecParameters& video = *container_->stream(container_->video()).codecpar;
    info.has_picture = 1;
    info.width = positive(video.width);
    info.height = positive(video.height);
    if (Orientation() >= 5) std::swap(info.width, info.height);
    info.frames_per_second = FramesPerSecond();
  }
  if (container_->audio() >= 0) {
    const AVCodecParameters& audio = *container_->stream(container_->audio()).codecpar;
    info.has_sound = 1;
    info.sample_rate = positive(audio.sample_rate);
    info.channels = positive(audio.ch_layout.nb_channels);
  }
  // A header may say anything; what no file can hold counts as not said.
  const double seconds = static_cast<double>(container_->format().duration) / AV_TIME_BASE;
  if (seconds > 0 && seconds < kMaxSaidSeconds) info.seconds = seconds;
  return info;
}

Result<Pixels> Film::FirstPicture() {
  if (container_->video() < 0) return Fail({.what = "the file holds no picture"});
  CARAT_ASSIGN(FrameReader reader, FrameReader::Create(*container_, container_->video(), true));
  CARAT_ASSIGN(const AVFrame* picture, reader.Next());
  if (picture == nullptr) return Fail(BrokenPicture("it is damaged or ends too early"));
  return ToPixels(*picture);
}

Result<Damage> Film::Frames(int64_t wanted, double per_second, const FrameSink& sink) {
  if (container_->video() < 0) return Fail(NoPictures());
  CARAT_ASSIGN(const FilmIndex index, ReadFilmIndex(*container_));
  const int64_t total = index.frames;
  if (total == 0) return Fail(NoPictures());
  CARAT_TRY(container_->Reopen());  // some kinds of files cannot be wound back
  if (container_->video() < 0) return Fail(NoPictures());
  const double rate = FramesPerSecond();
  if (per_second > 0) {
    const double count = std::floor(static_cast<double>(total) / rate * per_second);
    if (count > static_cast<double>(kMaxVideoFrames)) {
      return Fail({.code = ErrorCode::kUnsupported,
                   .what = "this rate gives too many frames",
                   .wanted = fmt::format("at most {}", kMaxVideoFrames),
                   .found = fmt::format("{:.0f}", count)});
    }
    wanted = std::max<int64_t>(1, static_cast<int64_t>(count));
  }
  wanted = std::clamp<int64_t>(std::min(wanted, total), 1, kMaxVideoFrames);
  const int orientation = Orientation();
  CARAT_ASSIGN(FrameReader reader, FrameReader::Create(*container_, container_->video()));
  Picker picker(reader, index, av_q2d(container_->stream(container_->video()).time_base));
  bool damaged = index.damaged, any = false;
  for (int64_t i = 0; i < wanted; ++i) {
    const int64_t number = i * total / wanted;
    CARAT_ASSIGN(const AVFrame* frame, picker.Get(number));
    if (frame == nullptr) {
      damaged = true;
      break;
    }
    if (picker.IsLate(*frame, number)) {
      damaged = true;
      continue;
    }
    any = true;
    CARAT_ASSIGN(Pixels pixels, ToPixels(*frame));
    sink(TurnUpright(std::move(pixels), orientation), number, static_cast<double>(number) / rate);
  }
  if (!any) return Fail({.what = "the film is damaged: none of the wanted frames can be read"});
  return damaged || reader.damaged() ? Damage::kSome : Damage::kNone;
}

Result<Damage> Film::Sound(const SampleSink& sink) {
  if (container_->audio() < 0) return Fail({.what = "the file holds no sound"});
  const double announced = AnnouncedSound(*container_);
  if (announced > kMaxSoundSeconds) return Fail(SoundTooLong(announced));
  CARAT_ASSIGN(FrameReader reader, FrameReader::Create(*container_, container_->audio()));
  std::optional<MonoResampler> mono;
  // Until when there is sound: it begins with the pictures, where there are pictures.
  std::optional<double> until = StartOf(*container_, container_->video());
  while (true) {
    CARAT_ASSIGN(const AVFrame* block, reader.Next());
    if (block == nullptr) break;
    if (mono && !mono->Takes(*block)) {  // a recording that changes its rate goes on in the new one
      CARAT_TRY(mono->Finish(sink));
      mono.reset();
    }
    if (!mono) {
      CARAT_ASSIGN(mono, MonoResampler::Create(block->sample_rate, block->ch_layout.nb_channels));
    }
    const double begin = block->pts != AV_NOPTS_VALUE
                             ? SecondsOf(block->pts, container_->stream(container_->audio()))
                             : until.value_or(0);
    const double gap = begin - until.value_or(begin);
    if (gap > kHole && (announced > 0 ? begin < announced : gap < kLongestHole)) {
      CARAT_TRY(mono->PushSilence(static_cast<uint64_t>(gap * block->sample_rate), sink));
    }
    if (!until || std::abs(gap) > kHole) until = begin;
    *until += static_cast<double>(block->nb_samples) / block->sample_rate;
    CARAT_TRY(mono->Push(*block, sink));
  }
  if (mono) CARAT_TRY(mono->Finish(sink));
  return reader.damaged() || container_->damaged() ? Damage::kSome : Damage::kNone;
}

}  // namespace carat::decode
