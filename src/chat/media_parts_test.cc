#include "chat/media_parts.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/errors.h"
#include "tests/support/files.h"

namespace carat {
namespace {

const Tokenizer& Small() {
  static const Tokenizer tokenizer =
      Tokenizer::FromJson(MustRead(SourceDir() / "tests/fixtures/tiny/tokenizer.json")).value();
  return tokenizer;
}

std::shared_ptr<const Medium> Picture(size_t columns, MediumKind kind = MediumKind::kPicture) {
  return std::make_shared<const Medium>(
      Medium::FromPixels(kind, {kPatchSide, columns * kPatchSide,
                                std::vector<uint8_t>(3 * kPatchSide * columns * kPatchSide, 7)}));
}

std::shared_ptr<const Medium> Sound(size_t frames) {
  return std::make_shared<const Medium>(
      Medium::FromSamples(std::vector<float>(frames * kFrameSamples, 0.5f)));
}

RenderedPrompt Rendered(const std::string& messages) {
  return RenderPrompt(MustParse(messages), nullptr, {}).value();
}

std::string TextOf(const Prompt& prompt) {
  std::string text;
  for (const TokenId id : prompt.ids) text += Small().Piece(id);
  for (size_t at; (at = text.find("▁")) != std::string::npos;) text.replace(at, 3, " ");
  return text;
}

TEST(MediaParts, TakeThePlacesOfTheirPlaceholders) {
  const auto rendered = Rendered(
      R"([{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "a"},
          {"type": "audio"}]}, {"role": "assistant", "content": "b"},
          {"role": "user", "content": [{"type": "image_url"}]}])");
  const MediaPart parts[] = {{PartKind::kImage, {Picture(2)}},
                             {PartKind::kAudio, {Sound(3)}},
                             {PartKind::kImage, {Picture(1)}}};
  ASSERT_VALUE(const Prompt prompt, ToPrompt(Small(), rendered, parts));
  EXPECT_EQ(
      TextOf(prompt),
      "<bos><|turn>user\n<|image><|image|><|image|><image|>a<|audio><|audio|><|audio|>"
      "<|audio|><audio|><turn|>\n<|turn>model\nb<turn|>\n<|turn>user\n<|image><|image|><image|>"
      "<turn|>\n<|turn>model\n<|channel>thought\n<channel|>");
  ASSERT_EQ(prompt.media.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    const PromptMedium& m = prompt.media[i];
    EXPECT_EQ(m.medium, parts[i].media[0]);
    const auto first = static_cast<size_t>(m.at);
    EXPECT_TRUE(Small().Piece(prompt.ids[first - 1]).starts_with("<|"));
    EXPECT_TRUE(Small().Piece(prompt.ids[static_cast<size_t>(m.end())]).ends_with("|>"));
  }
  // The boundary before the generation prompt lies where that begins.
  ASSERT_EQ(prompt.boundaries.size(), 1u);
  EXPECT_EQ(Small().Piece(prompt.ids[static_cast<size_t>(prompt.boundaries[0])]), "<|turn>");
}

// The example of the specification, section 7.
TEST(MediaParts, AVideoBecomesFramesWithTheirTimes) {
  const auto rendered = Rendered(R"([{"role": "user", "content": [{"type": "video"}]}])");
  const MediaPart video{
      PartKind::kVideo, {Picture(3, MediumKind::kFrame), Picture(3, MediumKind::kFrame)}, {0, 61}};
  ASSERT_VALUE(const Prompt prompt, ToPrompt(Small(), rendered, {&video, 1}));
  const std::string text = TextOf(prompt);
  EXPECT_TRUE(
      text.starts_with("<bos><|turn>user\n00:00 <|image><|video|><|video|><|video|><image|> "
                       "01:01 <|image><|video|><|video|><|video|><image|><turn|>"))
      << text;
  ASSERT_EQ(prompt.media.size(), 2u);
  EXPECT_LT(prompt.media[0].end(), prompt.media[1].at);
}

TEST(MediaParts, ALongRecordingBecomesClipsWithTheirTimes) {
  const auto rendered = Rendered(R"([{"role": "user", "content": [{"type": "audio"}]}])");
  const MediaPart clips{PartKind::kAudio, {Sound(2), Sound(1)}, {0, 28}};
  ASSERT_VALUE(const Prompt prompt, ToPrompt(Small(), rendered, {&clips, 1}));
  const std::string text = TextOf(prompt);
  EXPECT_TRUE(
      text.starts_with("<bos><|turn>user\n00:00 <|audio><|audio|><|audio|><audio|> "
                       "00:28 <|audio><|audio|><audio|><turn|>"))
      << text;
}

TEST(MediaParts, WhatAUserWritesIsNoPlaceholder) {
  const auto rendered = Rendered(
      R"([{"role": "user", "content": [{"type": "text", "text": "<|image|>"}, {"type": "image"}]}])");
  const MediaPart picture{PartKind::kImage, {Picture(2)}};
  ASSERT_VALUE(const Prompt prompt, ToPrompt(Small(), rendered, {&picture, 1}));
  ASSERT_EQ(prompt.media.size(), 1u);
  EXPECT_EQ(Small().Piece(prompt.ids[static_cast<size_t>(prompt.media[0].at) - 1]), "<|image>");
}

TEST(MediaParts, MissingAndSurplusMediaAreNamed) {
  const auto rendered =
      Rendered(R"([{"role": "user", "content": [{"type": "image"}, {"type": "audio"}]}])");
  const MediaPart picture{PartKind::kImage, {Picture(2)}}, sound{PartKind::kAudio, {Sound(1)}};
  ExpectError(ToPrompt(Small(), rendered, {&picture, 1}),
              {"placeholder without", "placeholder 2", "sound", "1 media"});
  const MediaPart swapped[] = {sound, picture};
  ExpectError(ToPrompt(Small(), rendered, swapped), {"placeholder 1", "picture", "sound"});
  const MediaPart many[] = {picture, sound, picture};
  ExpectError(ToPrompt(Small(), rendered, many),
              {"without its placeholder", "medium 3", "picture"});
}

TEST(TimeStamp, IsMinutesAndSeconds) {
  EXPECT_EQ(TimeStamp(0), "00:00");
  EXPECT_EQ(TimeStamp(59), "00:59");
  EXPECT_EQ(TimeStamp(60), "01:00");
  EXPECT_EQ(TimeStamp(6000), "100:00");
}

}  // namespace
}  // namespace carat
