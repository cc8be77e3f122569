// Files through the locked-in decoder: every kind, and what is broken, odd or hostile.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "media/decoder.h"
#include "media/limits.h"
#include "media/wire.h"
#include "tests/support/crc32.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/media_sources.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

Result<Pixels> PictureOf(const std::filesystem::path& path) {
  CARAT_ASSIGN(const MediaSource source, MediaSource::Open(path));
  return Decoder().Picture(source);
}

Result<Pixels> PictureOf(std::string_view bytes) {
  return Decoder().Picture(SourceOf(bytes, "bytes"));
}

Result<std::vector<float>> SoundOf(const std::string& name) {
  CARAT_ASSIGN(const MediaSource source, MediaSource::Open(Media(name)));
  return SoundOf(source);
}

template <class T>
Status AsStatus(const Result<T>& result) {
  return result ? Status() : Fail(result.error());
}

const Json& Golden() {
  static const Json json = MustParse(MustRead(Media("media.json")));
  return json;
}

TEST(MediaDecoder, PicturesEqualPillows) {
  size_t pictures = 0;
  for (const auto& [name, golden] : Golden().Find("pictures")->object()) {
    SCOPED_TRACE(name);
    ASSERT_VALUE(const Pixels pixels, PictureOf(Media(name)));
    EXPECT_EQ(pixels.height, static_cast<size_t>(golden.Find("height")->integer()));
    EXPECT_EQ(pixels.width, static_cast<size_t>(golden.Find("width")->integer()));
    EXPECT_EQ(Crc32(pixels.rgb), static_cast<uint32_t>(golden.Find("crc")->integer()));
    ++pictures;
  }
  EXPECT_GE(pictures, 29u);
}

TEST(MediaDecoder, SoundEqualsSoundfileAndSoxr) {
  size_t sounds = 0;
  for (const auto& [name, golden] : Golden().Find("sounds")->object()) {
    SCOPED_TRACE(name);
    ASSERT_VALUE(const std::vector<float> samples, SoundOf(name));
    ASSERT_EQ(samples.size(), static_cast<size_t>(golden.Find("samples")->integer()));
    const Json::Array& some = golden.Find("every500")->array();
    for (size_t i = 0; i < some.size(); ++i)
      EXPECT_NEAR(samples[500 * i], some[i].number(), 2e-6) << 500 * i;
    ++sounds;
  }
  EXPECT_GE(sounds, 6u);
}

double Power(const std::vector<float>& samples) {
  double sum = 0;
  for (const float x : samples) sum += double{x} * double{x};
  return sum / static_cast<double>(samples.size());
}

// Lossy kinds, and sound in films: about as long and as loud as what they were made of.
TEST(MediaDecoder, EveryKindOfSoundIsHeard) {
  ASSERT_VALUE(const std::vector<float> wanted, SoundOf("stereo.wav"));
  for (const char* name : {"stereo.mp3", "stereo.ogg", "opus.ogg", "stereo.m4a", "stereo.aac"}) {
    SCOPED_TRACE(name);
    ASSERT_VALUE(const std::vector<float> samples, SoundOf(name));
    EXPECT_NEAR(static_cast<double>(samples.size()), static_cast<double>(wanted.size()), 2400);
    EXPECT_NEAR(Power(samples) / Power(wanted), 1, 0.3);
  }
  // Two recordings of other rates in one file: 0.3 seconds each.
  ASSERT_VALUE(const std::vector<float> chained, SoundOf("chained.ogg"));
  EXPECT_NEAR(static_cast<double>(chained.size()), 2 * static_cast<double>(wanted.size()), 4800);
  for (const char* name : {"film.mp4", "film.mkv", "film.mov", "sound.webm"}) {
    SCOPED_TRACE(name);
    ASSERT_VALUE(const std::vector<float> samples, SoundOf(name));
    EXPECT_NEAR(static_cast<double>(samples.size()), 32000, 2400);
    EXPECT_GT(Power(samples), 1e-3);
  }
}

// Indices floor(i * T / n), times index / rate (gemma4-12b specification, section 7).
TEST(MediaDecoder, FramesAreSpreadOverTheFilm) {
  for (const char* name : {"film.mp4", "film.mkv", "film.mov", "silent.webm"}) {
    SCOPED_TRACE(name);
    ASSERT_VALUE(const MediaSource source, MediaSource::Open(Media(name)));
    const auto indices = [&](const FrameRequest& request) {
      std::vector<int64_t> found;
      EXPECT_TRUE(Decoder()
                      .Frames(source, request,
                              [&](const Frame& frame) -> Status {
                                EXPECT_EQ(frame.pixels.height, 48u);
                                EXPECT_EQ(frame.pixels.width, 64u);
                                EXPECT_NEAR(frame.seconds, static_cast<double>(frame.index) / 10,
                                            1e-9);
                                found.push_back(frame.index);
                                return {};
                              })
                      .has_value());
      return found;
    };
    EXPECT_EQ(indices({.count = 6}), (std::vector<int64_t>{0, 3, 6, 10, 13, 16}));
    EXPECT_EQ(indices({.count = 1}), (std::vector<int64_t>{0}));
    EXPECT_EQ(indices({.count = 1000}).size(), 20u);  // all it has
    EXPECT_EQ(indices({.count = 1, .per_second = 2}), (std::vector<int64_t>{0, 5, 10, 15}));
  }
}

// Every frame is the one that the ffmpeg program decodes in its turn, whether it was sought by key
// frames or met on the way; frames that are never shown do not count.
TEST(MediaDecoder, FramesAreFfmpegs) {
  size_t films = 0;
  for (const auto& [name, golden] : Golden().Find("films")->object()) {
    SCOPED_TRACE(name);
    ASSERT_VALUE(const MediaSource source, MediaSource::Open(Media(name)));
    const auto total = static_cast<int64_t>(golden.array().size());
    for (const int64_t count : {int64_t{1}, int64_t{2}, int64_t{3}, int64_t{7}, int64_t{1000}}) {
      SCOPED_TRACE(count);
      const int64_t wanted = std::min(count, total);
      int64_t i = 0;
      ASSERT_OK(Decoder().Frames(source, {.count = count}, [&](const Frame& frame) -> Status {
        EXPECT_EQ(frame.index, i++ * total / wanted);
        EXPECT_EQ(Crc32(frame.pixels.rgb),
                  static_cast<uint32_t>(golden.array()[static_cast<size_t>(frame.index)].integer()))
            << frame.index;
        return {};
      }));
      EXPECT_EQ(i, wanted);
    }
    ++films;
  }
  EXPECT_GE(films, 8u);
}

TEST(MediaDecoder, AFilmThatWasHeldUprightIsTurned) {
  ASSERT_VALUE(const MediaSource source, MediaSource::Open(Media("turned.mp4")));
  ASSERT_VALUE(const MediaInfo info, Decoder().Describe(source));
  EXPECT_EQ(info.width, 48u);
  EXPECT_EQ(info.height, 64u);
  ASSERT_VALUE(const MediaSource plain, MediaSource::Open(Media("film.mp4")));
  const auto first = [](const MediaSource& film) {
    Pixels pixels;
    EXPECT_TRUE(Decoder()
                    .Frames(film, {.count = 1},
                            [&](Frame frame) -> Status {
                              pixels = std::move(frame.pixels);
                              return {};
                            })
                    .has_value());
    return pixels;
  };
  const Pixels turned = first(source), upright = first(plain);
  ASSERT_EQ(turned.height, 64u);
  // A quarter turn anticlockwise, as ffmpeg shows it.
  for (size_t c = 0; c < 3; ++c) {
    EXPECT_EQ(turned.rgb[size_t{3} * 48 * 63 + c], upright.rgb[c]);
    EXPECT_EQ(turned.rgb[c], upright.rgb[size_t{3} * 63 + c]);
  }
}

TEST(MediaDecoder, AWatchIsToldOfTheEnd) {
  std::vector<double> shares;
  const MediaDecoder decoder(std::string(CARAT_BINARY) + "-decode", [&](double share) {
    shares.push_back(share);
    return true;
  });
  for (const char* name : {"plain.png", "stereo.wav"}) {  // one that is read, one that is refused
    shares.clear();
    ASSERT_VALUE(const MediaSource source, MediaSource::Open(Media(name)));
    EXPECT_EQ(decoder.Picture(source).has_value(), name == std::string("plain.png"));
    ASSERT_GE(shares.size(), 2u);
    EXPECT_EQ(shares.back(), 1);
    EXPECT_LT(shares.front(), 1);
  }
}

TEST(MediaDecoder, AWatchCancels) {
  int asked = 0;
  const MediaDecoder decoder(std::string(CARAT_BINARY) + "-decode", [&](double share) {
    EXPECT_TRUE(share >= 0 && share <= 1);
    return ++asked < 3;
  });
  ASSERT_VALUE(const MediaSource source, MediaSource::Open(Media("film.mp4")));
  const auto done = decoder.Frames(source, {}, [](const auto&) { return Status(); });
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::kCancelled);
  // A program that says nothing is waited for no longer than the caller wants to.
  const TempFolder folder;
  std::ofstream(folder / "sleep") << "#!/bin/sh\nexec sleep 100\n";
  std::filesystem::permissions(folder / "sleep", std::filesystem::perms::owner_all);
  asked = 0;
  const auto picture =
      MediaDecoder(folder / "sleep", [&](double) { return ++asked < 3; }).Picture(source);
  ASSERT_FALSE(picture.has_value());
  EXPECT_EQ(picture.error().code, ErrorCode::kCancelled);
}

TEST(MediaDecoder, ParentsThatIgnoreTheirChildrenGetTheirAnswerToo) {
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  EXPECT_TRUE(PictureOf(Media("plain.png")).has_value());
  ExpectError(MediaDecoder("/bin/true").Picture(MediaSource::Open(Media("plain.png")).value()),
              "ended");
  std::signal(SIGCHLD, before);
}

TEST(MediaDecoder, DescribesWhatItSees) {
  ASSERT_VALUE(const MediaSource film, MediaSource::Open(Media("film.mp4")));
  ASSERT_VALUE(const MediaInfo info, Decoder().Describe(film));
  EXPECT_EQ(info.type.name, "MP4");
  EXPECT_TRUE(info.has_picture && info.has_sound);
  EXPECT_EQ(info.width, 64u);
  EXPECT_EQ(info.sample_rate, 16000u);
  EXPECT_NEAR(info.seconds, 2, 0.1);
  ASSERT_VALUE(const MediaSource turned, MediaSource::Open(Media("turn6.jpg")));
  ASSERT_VALUE(const MediaInfo picture, Decoder().Describe(turned));
  EXPECT_EQ(picture.width, 23u);  // upright
  EXPECT_FALSE(picture.has_sound);
}

TEST(MediaDecoder, TheContentDecidesAndNotTheName) {
  const TempFolder folder;
  std::filesystem::copy_file(Media("plain.jpg"), folder / "picture.mp3");
  EXPECT_TRUE(PictureOf(folder / "picture.mp3").has_value());
  std::ofstream(folder / "text.png") << "This is no picture.\n";
  ExpectError(PictureOf(folder / "text.png"), {"text.png", "not a kind of file", "PNG, JPEG"});
}

TEST(MediaDecoder, AnotherKindIsNamed) {
  ExpectError(PictureOf(Media("stereo.wav")), {"another kind", "a picture", "WAV"});
  ExpectError(SoundOf("plain.png"), {"another kind", "sound", "PNG"});
  ExpectError(SoundOf("silent.webm"), "holds no sound");
}

TEST(MediaDecoder, EmptyMissingAndOddFiles) {
  const TempFolder folder;
  std::ofstream(folder / "empty.png").flush();
  ExpectError(PictureOf(folder / "empty.png"), "the file is empty");
  ExpectError(PictureOf(folder / "nothing.png"), {"cannot open", "nothing.png"});
  ExpectError(PictureOf(folder.path()), "not a regular file");
  ExpectError(PictureOf(std::filesystem::path("/dev/zero")), "not a regular file");
  ASSERT_VALUE(const Pixels one, PictureOf(Media("one.png")));
  EXPECT_EQ(one.rgb, (std::vector<uint8_t>{10, 20, 30}));
  ASSERT_VALUE(const std::vector<float> silence, SoundOf("surround.wav"));
  EXPECT_EQ(silence, std::vector<float>(1600, 0.0f));
}

TEST(MediaDecoder, HugeSidesAreRefusedBeforeDecoding) {
  std::string png = MustRead(Media("plain.png"));
  const auto with_sides = [&](uint32_t width, uint32_t height) {
    std::string changed = png;
    for (size_t i = 0; i < 4; ++i) {
      changed[16 + i] = static_cast<char>(width >> (24 - 8 * i));
      changed[20 + i] = static_cast<char>(height >> (24 - 8 * i));
    }
    const uint32_t crc = Crc32({reinterpret_cast<const uint8_t*>(changed.data()) + 12, 17});
    for (size_t i = 0; i < 4; ++i) changed[29 + i] = static_cast<char>(crc >> (24 - 8 * i));
    return changed;
  };
  ExpectError(PictureOf(std::string_view(with_sides(60000, 60000))),
              {"too large", "100 million", "60000 x 60000"});
  ExpectError(PictureOf(std::string_view(with_sides(0, 5))), "broken picture");
  ExpectError(PictureOf(std::string_view(with_sides(37, 24))), "broken picture");
}

TEST(MediaDecoder, ACutPictureIsRefused) {
  for (const char* name : {"plain.png", "plain.jpg", "progressive.jpg", "plain.webp", "plain.avif",
                           "plain.gif", "plain.bmp", "plain.tiff"}) {
    SCOPED_TRACE(name);
    const std::string whole = MustRead(Media(name));
    ExpectError(PictureOf(std::string_view(whole).substr(0, whole.size() / 2)), "broken");
  }
}

// Cut anywhere or damaged anywhere: an answer or an error, never a dead parent.
TEST(MediaDecoder, CutAndDamagedFilesEndInAnAnswer) {
  std::mt19937 random(1);
  for (const char* name : {"plain.png", "plain.jpg", "plain.webp", "plain.gif", "plain.tiff",
                           "plain.avif", "stereo.mp3", "stereo.m4a", "film.mp4"}) {
    const std::string whole = MustRead(Media(name));
    for (int round = 0; round < 12; ++round) {
      std::string changed = whole;
      if (round % 2 == 0) changed.resize(random() % whole.size());
      for (int i = 0; i < round; ++i) changed[random() % std::max<size_t>(1, changed.size())] ^= 85;
      const auto bytes =
          std::span(reinterpret_cast<const uint8_t*>(changed.data()), changed.size());
      ASSERT_VALUE(const MediaSource source, MediaSource::FromBytes(bytes, name));
      Status done;
      if (std::string_view(name).starts_with("stereo")) {
        done = AsStatus(Decoder().Sound(source, [](auto) { return Status(); }));
      } else if (std::string_view(name).starts_with("film")) {
        done = AsStatus(Decoder().Frames(source, {}, [](const auto&) { return Status(); }));
      } else if (const auto picture = Decoder().Picture(source); !picture) {
        done = Fail(picture.error());
      }
      if (!done) {
        const std::string message = done.error().Message();
        EXPECT_TRUE(message.starts_with(name)) << message;
        EXPECT_EQ(message.find("may not do"), std::string::npos) << message;
        EXPECT_EQ(message.find("crashed"), std::string::npos) << message;
      }
    }
  }
}

std::string Tiny(uint32_t frames) {
  std::string gif("GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff", 19);
  const std::string frame(",\0\0\0\0\1\0\1\0\0\2\2D\1\0", 15);
  gif.reserve(gif.size() + frames * frame.size() + 1);
  for (uint32_t i = 0; i < frames; ++i) gif += frame;
  return gif + ";";
}

TEST(MediaDecoder, AMillionFramesAreCountedAndFewTaken) {
  const std::string gif = Tiny(1'000'000);
  const auto bytes = std::span(reinterpret_cast<const uint8_t*>(gif.data()), gif.size());
  ASSERT_VALUE(const MediaSource source, MediaSource::FromBytes(bytes, "million.gif"));
  ASSERT_VALUE(const Pixels first, Decoder().Picture(source));
  EXPECT_EQ(first.rgb.size(), 3u);
  std::vector<int64_t> indices;
  ASSERT_OK(Decoder().Frames(source, {.count = 4}, [&](const Frame& frame) -> Status {
    indices.push_back(frame.index);
    return {};
  }));
  EXPECT_EQ(indices, (std::vector<int64_t>{0, 250'000, 500'000, 750'000}));
}

TEST(MediaDecoder, ALengthThatCannotBeIsNotBelieved) {
  ASSERT_VALUE(const MediaSource source, MediaSource::Open(Media("endless.ogg")));
  ASSERT_VALUE(const MediaInfo info, Decoder().Describe(source));
  EXPECT_LT(info.seconds, 1);
  ASSERT_VALUE(const std::vector<float> samples, SoundOf("endless.ogg"));
  EXPECT_LT(samples.size(), 16'000u);
  EXPECT_GT(samples.size(), 1'600u);
}

TEST(MediaDecoder, HugeSidesOfRarePicturesAreRefused) {
  const auto with = [](const std::string& name, size_t at, const std::string& bytes) {
    return MustRead(Media(name)).replace(at, bytes.size(), bytes);
  };
  const std::string side = "\x60\xea";  // 60000
  for (const std::string& file :
       {with("plain.bmp", 18, side + std::string(2, '\0') + side + std::string(2, '\0')),
        with("plain.gif", 6, side + side)}) {
    ExpectError(PictureOf(std::string_view(file)), {"too large", "60000 x 60000"});
  }
  // Of a TIFF the first two tags of its directory, of an AVIF its box of sizes.
  std::string tiff = MustRead(Media("plain.tiff"));
  uint32_t directory = 0;
  std::memcpy(&directory, &tiff[4], sizeof directory);
  for (const size_t tag : {directory + 2, directory + 14}) tiff.replace(tag + 8, 2, side);
  ExpectError(PictureOf(std::string_view(tiff)), {"too large", "60000 x 60000"});
  std::string avif = MustRead(Media("plain.avif"));
  const std::string wide = std::string(2, '\0') + "\xea\x60";
  avif.replace(avif.find("ispe") + 8, 8, wide + wide);
  ExpectError(PictureOf(std::string_view(avif)), {"too large", "60000x60000"});
}

TEST(MediaDecoder, ASinkCanEndIt) {
  ASSERT_VALUE(const MediaSource source, MediaSource::Open(Media("stereo.wav")));
  const auto done = Decoder().Sound(source, [](auto) -> Status {
    return Fail({.code = ErrorCode::kCancelled, .what = "enough"});
  });
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::kCancelled);
}

TEST(MediaDecoder, AMissingProgramIsNamed) {
  ASSERT_VALUE(const MediaSource source, MediaSource::Open(Media("plain.png")));
  ExpectError(MediaDecoder("/nowhere/carat-decode").Picture(source),
              {"could not be started", "/nowhere/carat-decode"});
  // Programs that are no decoder: what they say is not believed.
  for (const char* program : {"/bin/true", "/bin/false", "/bin/cat", "/bin/echo"})
    EXPECT_FALSE(MediaDecoder(program).Picture(source).has_value()) << program;
}

TEST(HostileFilms, AFilmWithoutFramesIsNone) {
  // What stands before the first cluster tells of a stream, of which nothing comes.
  const std::string whole = MustRead(Media("film.mkv"));
  const size_t cluster = whole.find("\x1f\x43\xb6\x75");
  ASSERT_NE(cluster, std::string::npos);
  int count = 0;
  const auto none = CountFrames(SourceOf(whole.substr(0, cluster), "empty.mkv"), count);
  ASSERT_FALSE(none.has_value());
  EXPECT_TRUE(none.error().Message().starts_with("empty.mkv")) << none.error().Message();
  EXPECT_EQ(count, 0);
}

// A decoder that was broken into may send anything. Here the program sends back its input.
class HostileAnswers : public testing::Test {
 protected:
  HostileAnswers() {
    std::ofstream(folder_ / "echo") << "#!/bin/sh\nexec cat\n";
    std::filesystem::permissions(folder_ / "echo", std::filesystem::perms::owner_all);
  }
  // Bytes of plain structures, one after the other.
  template <class... Parts>
  static std::string Bytes(const Parts&... parts) {
    std::string bytes;
    (bytes.append(reinterpret_cast<const char*>(&parts), sizeof parts), ...);
    return bytes;
  }
  MediaSource Source(const std::string& bytes) const { return SourceOf(bytes, "echo"); }
  MediaDecoder decoder() const { return MediaDecoder(folder_ / "echo"); }
  void ExpectRefused(const std::string& bytes) const {
    SCOPED_TRACE(bytes.size());
    const MediaSource source = Source(bytes);
    EXPECT_FALSE(decoder().Picture(source).has_value());
    EXPECT_FALSE(decoder().Describe(source).has_value());
    EXPECT_FALSE(decoder().Sound(source, [](auto) { return Status(); }).has_value());
    EXPECT_FALSE(decoder().Frames(source, {}, [](const auto&) { return Status(); }).has_value());
  }

  TempFolder folder_;
  const wire::Header end_{.kind = wire::Kind::kEnd};
};

TEST_F(HostileAnswers, ATrueAnswerIsBelieved) {
  const wire::PictureHead head{.height = 1, .width = 1};
  const uint8_t pixel[3] = {1, 2, 3};
  const wire::Header header{.kind = wire::Kind::kPicture, .size = sizeof head + 3};
  ASSERT_VALUE(const Pixels pixels, decoder().Picture(Source(Bytes(header, head, pixel, end_))));
  EXPECT_EQ(pixels.rgb, (std::vector<uint8_t>{1, 2, 3}));
}

TEST_F(HostileAnswers, DamageOfSoundAndFilmsAloneIsTold) {
  const std::string bytes = Bytes(wire::Header{.kind = wire::Kind::kDamaged}, end_);
  ASSERT_VALUE(const Damage damage, decoder().Sound(Source(bytes), [](auto) { return Status(); }));
  EXPECT_EQ(damage, Damage::kSome);
  const wire::PictureHead head{.height = 1, .width = 1};
  const uint8_t pixel[3] = {1, 2, 3};
  const wire::Header frame{.kind = wire::Kind::kFrame, .size = sizeof head + 3};
  ASSERT_VALUE(const Damage seen, decoder().Frames(Source(Bytes(frame, head, pixel) + bytes), {},
                                                   [](const auto&) { return Status(); }));
  EXPECT_EQ(seen, Damage::kSome);
  EXPECT_FALSE(decoder().Picture(Source(bytes)).has_value());
  EXPECT_FALSE(decoder().Describe(Source(bytes)).has_value());
}

TEST_F(HostileAnswers, AllElseIsRefused) {
  const uint8_t pixel[3] = {1, 2, 3};
  const auto picture = [&](wire::Kind kind, const wire::PictureHead& head, uint64_t size) {
    return Bytes(wire::Header{.kind = kind, .size = size}, head, pixel, end_);
  };
  constexpr size_t kHead = sizeof(wire::PictureHead);
  const double nan = std::nan("");
  ExpectRefused("");
  ExpectRefused("x");
  ExpectRefused(Bytes(wire::Header{.kind = static_cast<wire::Kind>(99)}, end_));
  for (const wire::Kind kind : {wire::Kind::kPicture, wire::Kind::kFrame}) {
    ExpectRefused(picture(kind, {.height = 65535, .width = 65535}, kHead + 3));
    ExpectRefused(picture(kind, {.height = 65535, .width = 65535}, kHead + 12884508675));
    ExpectRefused(picture(kind, {.height = 1, .width = 2}, kHead + 3));
    ExpectRefused(picture(kind, {.height = 0, .width = 1}, kHead));
    ExpectRefused(picture(kind, {.height = 1, .width = 1, .index = -1}, kHead + 3));
    ExpectRefused(picture(kind, {.height = 1, .width = 1, .seconds = nan}, kHead + 3));
    ExpectRefused(picture(kind, {.height = 1, .width = 1}, 5));
    ExpectRefused(picture(kind, {.height = 1, .width = 1}, UINT64_MAX));
  }
  // Two pictures where one was asked for, and frames that do not go on.
  const std::string one = picture(wire::Kind::kPicture, {.height = 1, .width = 1}, kHead + 3);
  ExpectRefused(one.substr(0, one.size() - sizeof end_) + one);
  const std::string frame = picture(wire::Kind::kFrame, {.height = 1, .width = 1}, kHead + 3);
  ExpectRefused(frame.substr(0, frame.size() - sizeof end_) + frame);
  const float samples[2] = {0, INFINITY};
  ExpectRefused(Bytes(wire::Header{.kind = wire::Kind::kSamples, .size = 8}, samples, end_));
  ExpectRefused(Bytes(wire::Header{.kind = wire::Kind::kSamples, .size = 7}, samples, end_));
  ExpectRefused(Bytes(wire::Header{.kind = wire::Kind::kSamples, .size = 0}, end_));
  ExpectRefused(Bytes(wire::Header{.kind = wire::Kind::kSamples, .size = UINT64_MAX}, samples));
  ExpectRefused(Bytes(wire::Header{.kind = wire::Kind::kError, .size = 1 << 30}));
  ExpectRefused(Bytes(wire::Header{.kind = wire::Kind::kProgress, .size = 4}, 1.0f, end_));
  const auto info = [&](const wire::Info& body) {
    return Bytes(wire::Header{.kind = wire::Kind::kInfo, .size = sizeof body}, body);
  };
  const wire::Header damaged{.kind = wire::Kind::kDamaged};
  ExpectRefused(Bytes(damaged, damaged, end_));
  ExpectRefused(Bytes(wire::Header{.kind = wire::Kind::kDamaged, .size = 1}, 'x', end_));
  ExpectRefused(info({.seconds = nan}) + Bytes(end_));
  ExpectRefused(info({.frames_per_second = -1}) + Bytes(end_));
  ExpectRefused(info({}) + info({}) + Bytes(end_));  // "echo" is no medium either
}

TEST_F(HostileAnswers, AnErrorsTextIsCleaned) {
  const std::string text = std::string(1, '\0') + "bad \xff\x1b[31m" + std::string(4, '\0');
  const wire::Header header{.kind = wire::Kind::kError, .size = text.size()};
  const auto pixels = decoder().Picture(Source(Bytes(header) + text));
  ASSERT_FALSE(pixels.has_value());
  EXPECT_TRUE(IsValidUtf8(pixels.error().Message()));
}

}  // namespace
}  // namespace carat
