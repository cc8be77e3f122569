// Cut, holed and odd recordings and films: what is left is used, what is missing is told, and times
// stay true.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "media/decoder.h"
#include "media/limits.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/media_sources.h"

namespace carat {
namespace {

// A part of the file overwritten with zeros.
std::string Holed(std::string file, size_t begin, size_t size) {
  return file.replace(begin, size, size, '\0');
}

Result<Damage> DamageOf(const MediaSource& source) {
  if (!source.Type()) return Fail({.what = "no file of a known kind"});
  int count = 0;
  if (source.Type()->kind != MediaKind::kSound) {
    const auto frames = CountFrames(source, count);
    if (count > 0) return frames;  // else it holds sound alone
  }
  return Decoder().Sound(source, [](auto) { return Status(); });
}

TEST(MediaDamage, IsTold) {
  for (const char* name : {"fast.mp4", "pieces.mp4", "keys.mkv", "silent.webm", "long.webm",
                           "long.flac", "long.mp3", "stereo.wav"}) {
    SCOPED_TRACE(name);
    const std::string whole = MustRead(Media(name));
    ASSERT_VALUE(const Damage damage, DamageOf(SourceOf(whole, name)));
    EXPECT_EQ(damage, Damage::kNone);
    ASSERT_VALUE(const Damage cut, DamageOf(SourceOf(whole.substr(0, whole.size() * 2 / 3), name)));
    EXPECT_EQ(cut, Damage::kSome);
    // All of a WAV is samples, and a zero in the sound of this film is silence.
    if (name == std::string_view("stereo.wav") || name == std::string_view("pieces.mp4")) continue;
    ASSERT_VALUE(const Damage holed,
                 DamageOf(SourceOf(Holed(whole, whole.size() / 2, whole.size() / 4), name)));
    EXPECT_EQ(holed, Damage::kSome);
  }
}

TEST(MediaDamage, AHoleAtTheBeginningShowsNothingElse) {
  // The frames of its second half are not given out as those of the first.
  const std::string whole = MustRead(Media("keys.mp4"));
  const size_t data = whole.find("mdat") + 4;
  const std::string holed = Holed(whole, data, (whole.find("moov") - data) / 2);
  int all = 0, count = 0;
  ASSERT_TRUE(CountFrames(SourceOf(whole, "keys.mp4"), all).has_value());
  ASSERT_VALUE(const Damage damage, CountFrames(SourceOf(holed, "keys.mp4"), count));
  EXPECT_EQ(damage, Damage::kSome);
  EXPECT_GT(count, 0);
  EXPECT_LT(count, all);
}

// The table of such a file is whole, and so are the places of what is not there.
TEST(MediaDamage, SoundWhoseEndIsZerosIsTold) {
  const std::string whole = MustRead(Media("long.m4a"));
  const size_t data = whole.find("mdat") + 4, half = (whole.size() - data) / 2;
  ASSERT_VALUE(const Damage intact, DamageOf(SourceOf(whole, "long.m4a")));
  EXPECT_EQ(intact, Damage::kNone);
  for (const size_t begin : {data, data + half}) {
    ASSERT_VALUE(const Damage damage, DamageOf(SourceOf(Holed(whole, begin, half), "long.m4a")));
    EXPECT_EQ(damage, Damage::kSome) << begin;
  }
}

TEST(MediaDamage, IsNotSeenInWholeFiles) {
  for (const int64_t frames : {2, 3, 7}) {
    for (const char* name : {"film.mp4", "keys.mp4", "keys.mkv", "open.mp4", "hidden.webm"}) {
      int count = 0;
      ASSERT_VALUE(const Damage damage,
                   CountFrames(SourceOf(MustRead(Media(name)), name), count, frames));
      EXPECT_EQ(damage, Damage::kNone) << name << " " << frames;
      EXPECT_EQ(count, frames);
    }
  }
  const std::string twice = MustRead(Media("long.mp3")) + MustRead(Media("long.mp3"));
  ASSERT_VALUE(const Damage joined, DamageOf(SourceOf(twice, "joined.mp3")));
  EXPECT_EQ(joined, Damage::kNone);
  const std::string ends[] = {"", std::string(3000, '\0'), "TAG" + std::string(125, 'x')};
  for (const char* name : {"film.mp4",   "film.mkv",    "film.mov",   "fast.mp4",   "pieces.mp4",
                           "open.mp4",   "hidden.webm", "uneven.mkv", "turned.mp4", "sound.webm",
                           "moving.gif", "long.flac",   "long.mp3",   "stereo.aac", "stereo.m4a",
                           "stereo.ogg", "chained.ogg", "opus.ogg",   "stereo.wav", "old.wav"}) {
    for (const std::string& end : ends) {
      SCOPED_TRACE(name + end.substr(0, 3));
      ASSERT_VALUE(const Damage damage, DamageOf(SourceOf(MustRead(Media(name)) + end, name)));
      EXPECT_EQ(damage, Damage::kNone);
    }
  }
  // Written into a pipe: the length stays open.
  for (const uint32_t open : {0U, 0xFFFFFFFFU, 0x7FFFF024U}) {
    std::string wav = MustRead(Media("stereo.wav"));
    std::memcpy(&wav[4], &open, sizeof open);
    std::memcpy(&wav[wav.find("data") + 4], &open, sizeof open);
    ASSERT_VALUE(const Damage damage, DamageOf(SourceOf(wav, "open.wav")));
    EXPECT_EQ(damage, Damage::kNone);
  }
}

TEST(MediaTimes, SoundThatBeginsLaterOrHasAHoleKeepsItsTimes) {
  ASSERT_VALUE(const MediaSource source, MediaSource::Open(Media("late.mkv")));
  ASSERT_VALUE(const std::vector<float> samples, SoundOf(source));
  const auto first = std::ranges::find_if(samples, [](float x) { return std::abs(x) > 0.01f; });
  EXPECT_NEAR(static_cast<double>(first - samples.begin()) / kSampleRate, 1.5, 0.1);
  const std::string whole = MustRead(Media("long.webm"));
  const std::string holed = Holed(whole, whole.size() / 2, whole.size() / 4);
  ASSERT_VALUE(const std::vector<float> all, SoundOf(SourceOf(whole, "long.webm")));
  ASSERT_VALUE(const std::vector<float> left, SoundOf(SourceOf(holed, "long.webm")));
  EXPECT_NEAR(static_cast<double>(left.size()), static_cast<double>(all.size()), 0.1 * kSampleRate);
}

TEST(MediaTimes, ALengthBeyondTheLimitIsRefusedBeforeDecoding) {
  std::string flac = MustRead(Media("long.flac"));
  flac.replace(22, 4, "\xFF\xFF\xFF\xFF");  // the samples that STREAMINFO announces
  const auto done = Decoder().Sound(SourceOf(flac, "day.flac"),
                                    [](auto) -> Status { return Fail({.what = "decoded"}); });
  ExpectError(done, {"day.flac", "too long", "24 hours"});
}

}  // namespace
}  // namespace carat
