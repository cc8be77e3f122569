#include "media/sound_cutter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace carat {
namespace {

constexpr size_t kRate = 16000;

// Speech-like noise with pauses at these seconds.
std::vector<float> Recording(double seconds, const std::vector<double>& pauses) {
  std::mt19937 random(1);
  std::vector<float> samples(static_cast<size_t>(seconds * kRate));
  for (size_t i = 0; i < samples.size(); ++i) {
    const double at = static_cast<double>(i) / kRate;
    bool pause = false;
    for (const double p : pauses) pause |= std::abs(at - p) < 0.25;
    const float noise = static_cast<float>(random() % 2001) / 1000 - 1;
    samples[i] = noise * (pause ? 0.0005f : 0.3f);
  }
  return samples;
}

std::vector<SoundPiece> Pieces(const std::vector<float>& samples, size_t block) {
  SoundCutter cutter({});
  std::vector<SoundPiece> pieces;
  const auto keep = [&](SoundPiece piece) -> Status {
    pieces.push_back(std::move(piece));
    return {};
  };
  for (size_t at = 0; at < samples.size(); at += block) {
    const size_t n = std::min(block, samples.size() - at);
    EXPECT_TRUE(cutter.Push(std::span(samples).subspan(at, n), keep).has_value());
  }
  EXPECT_TRUE(cutter.Finish(keep).has_value());
  return pieces;
}

void ExpectWhole(const std::vector<SoundPiece>& pieces, const std::vector<float>& samples) {
  std::vector<float> joined;
  for (const SoundPiece& piece : pieces) {
    EXPECT_EQ(piece.begin, joined.size());
    EXPECT_LE(piece.samples.size(), 30 * kRate);
    joined.insert(joined.end(), piece.samples.begin(), piece.samples.end());
  }
  EXPECT_EQ(joined, samples);
}

TEST(SoundCutter, CutsAtPauses) {
  const std::vector<double> pauses = {5, 17, 26.5, 44, 61};
  const auto samples = Recording(80, pauses);
  const auto pieces = Pieces(samples, 4096);
  ExpectWhole(pieces, samples);
  ASSERT_EQ(pieces.size(), 4u);
  for (size_t i = 1; i < pieces.size(); ++i) {
    const double at = static_cast<double>(pieces[i].begin) / kRate;
    bool near = false;
    for (const double p : pauses) near |= std::abs(at - p) < 0.25;
    EXPECT_TRUE(near) << at;
  }
}

TEST(SoundCutter, BlocksMakeNoDifference) {
  const auto samples = Recording(65, {12, 40});
  const auto whole = Pieces(samples, samples.size());
  for (const size_t block : {size_t{1000}, size_t{16001}, size_t{480000}, size_t{480001}}) {
    const auto pieces = Pieces(samples, block);
    ASSERT_EQ(pieces.size(), whole.size()) << block;
    for (size_t i = 0; i < pieces.size(); ++i) EXPECT_EQ(pieces[i].samples, whole[i].samples);
  }
}

TEST(SoundCutter, AClipOfTheTrainedLengthStaysWhole) {
  EXPECT_EQ(Pieces(Recording(30, {15}), 5000).size(), 1u);
  EXPECT_EQ(Pieces(Recording(0.01, {}), 5000).size(), 1u);
  EXPECT_TRUE(Pieces({}, 5000).empty());
}

TEST(SoundCutter, SaysWhatIsSilent) {
  std::vector<float> samples(70 * kRate, 0.0f);
  for (size_t i = 65 * kRate; i < 66 * kRate; ++i) samples[i] = 0.2f;
  const auto pieces = Pieces(samples, 9999);
  ExpectWhole(pieces, samples);
  EXPECT_TRUE(pieces.front().silent());
  EXPECT_FALSE(pieces.back().silent());
  EXPECT_EQ(pieces.back().speech_begin, 65 * kRate);
  EXPECT_EQ(pieces.back().speech_end, 66 * kRate);
}

TEST(SoundCutter, ASinkCanEndIt) {
  SoundCutter cutter({});
  const auto samples = Recording(40, {});
  EXPECT_FALSE(
      cutter.Push(samples, [](const SoundPiece&) -> Status { return Fail({.what = "enough"}); })
          .has_value());
}

}  // namespace
}  // namespace carat
