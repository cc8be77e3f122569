// What a conversation and the instruments read from files.
#include "chat/media_reader.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "media/limits.h"
#include "tests/support/errors.h"
#include "tests/support/media_sources.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

// A tone of so many seconds with a second of silence after every eleven, as a WAV of 16 bits.
void WriteTone(const std::string& path, int seconds) {
  std::string data;
  for (int i = 0; i < seconds * kSampleRate; ++i) {
    const bool silent = i / kSampleRate % 12 == 11;
    const auto value = static_cast<int16_t>(silent ? 0 : 8000 * std::sin(0.1 * i));
    data.append(reinterpret_cast<const char*>(&value), 2);
  }
  const auto number = [](uint32_t value, int bytes) {
    return std::string(reinterpret_cast<const char*>(&value), static_cast<size_t>(bytes));
  };
  const auto size = static_cast<uint32_t>(data.size());
  std::ofstream(path, std::ios::binary)
      << "RIFF" << number(36 + size, 4) << "WAVEfmt " << number(16, 4) << number(1, 2)
      << number(1, 2) << number(kSampleRate, 4) << number(2 * kSampleRate, 4) << number(2, 2)
      << number(16, 2) << "data" << number(size, 4) << data;
}

class MediaReaderOf : public testing::Test {
 protected:
  MediaReaderOf() { WriteTone(long_, 50); }
  TempFolder folder_;
  const std::string long_ = (folder_ / "long.wav").string();
  const MediaReader conversation_{MediaReading::kConversation, Decoder()};
  const MediaReader reference_{MediaReading::kReference, Decoder()};
};

TEST_F(MediaReaderOf, LongSoundBecomesPartsAtPausesOrStaysWhole) {
  const MediaRequest request{.kind = PartKind::kAudio, .path = long_};
  ASSERT_VALUE(const MediaReader::Read parts, conversation_.Get(request, 4096));
  ASSERT_EQ(parts.part.media.size(), 2u);
  EXPECT_EQ(parts.part.seconds, (std::vector<int64_t>{0, 23}));  // in the second pause
  EXPECT_EQ(parts.summary, "long.wav: 50.0 seconds of sound in 2 parts, 1251 tokens");
  EXPECT_EQ(parts.warning, "");
  ASSERT_VALUE(const MediaReader::Read whole, reference_.Get(request, 4096));
  EXPECT_EQ(whole.part.media.size(), 1u);
  EXPECT_EQ(NumTokens(whole.part), 1250u);
}

TEST_F(MediaReaderOf, WhatDoesNotFitIsRefusedWithTheNumbers) {
  for (const MediaReader* reader : {&conversation_, &reference_}) {
    ExpectError(reader->Get({.kind = PartKind::kAudio, .path = long_}, 300),
                {"long.wav", "does not fit the context", "at most 300 tokens"});
    ExpectError(reader->Get({.kind = PartKind::kVideo, .path = Media("film.mp4").string()}, 300),
                {"film.mp4", "does not fit the context", "at most 300 tokens"});
  }
}

TEST_F(MediaReaderOf, TheRoomIsThatOfAll) {
  // Each of its two parts is rounded up.
  ExpectError(conversation_.Get({.kind = PartKind::kAudio, .path = long_}, 1250), "1251 tokens");
  std::vector<std::string> warnings;
  const MediaRequest request{.kind = PartKind::kAudio, .path = long_};
  EXPECT_TRUE(reference_.Parts({request, request}, 2500, warnings).has_value());
  ExpectError(reference_.Parts({request, request}, 2400, warnings), "at most 1150 tokens");
}

TEST_F(MediaReaderOf, BudgetsAreChosenOrTakenAsNamed) {
  MediaRequest request{.path = Media("plain.png").string()};
  ASSERT_VALUE(const MediaReader::Read chosen, conversation_.Get(request, 4096));
  EXPECT_EQ(chosen.summary, "plain.png: 37 x 23 pixels, budget 70 (chosen), 60 tokens");
  ASSERT_VALUE(const MediaReader::Read reference, reference_.Get(request, 4096));
  EXPECT_EQ(reference.summary, "plain.png: 37 x 23 pixels, budget 280, 273 tokens");
  request.budget = kAutoBudget;
  ASSERT_VALUE(const MediaReader::Read automatic, reference_.Get(request, 4096));
  EXPECT_EQ(automatic.summary, chosen.summary);
  request.budget = 140;
  ASSERT_VALUE(const MediaReader::Read named, conversation_.Get(request, 4096));
  EXPECT_EQ(named.summary, "plain.png: 37 x 23 pixels, budget 140, 135 tokens");
}

TEST_F(MediaReaderOf, MuchLostDetailIsSaid) {
  // Columns of one pixel, which 70 soft tokens cannot show.
  const std::string path = (folder_ / "fine.bmp").string();
  const uint32_t width = 2400, height = 1200, row = 3 * width;
  std::string head = "BM" + std::string(52, '\0');
  const auto put = [&](size_t at, uint32_t value) { std::memcpy(&head[at], &value, 4); };
  put(2, 54 + row * height);
  put(10, 54);
  put(14, 40);
  put(18, width);
  put(22, height);
  put(26, 1 | 24 << 16);
  std::string line;
  for (uint32_t x = 0; x < width; ++x) line += std::string(3, x % 6 < 3 ? '\xff' : '\0');
  std::ofstream file(path, std::ios::binary);
  file << head;
  for (uint32_t y = 0; y < height; ++y) file << line;
  file.close();
  ASSERT_VALUE(const MediaReader::Read few, conversation_.Get({.path = path, .budget = 70}, 4096));
  EXPECT_NE(few.warning.find("fine.bmp: much detail is lost"), std::string::npos) << few.warning;
  ASSERT_VALUE(const MediaReader::Read most,
               conversation_.Get({.path = path, .budget = 1120}, 4096));
  EXPECT_EQ(most.warning, "");
}

}  // namespace
}  // namespace carat
