// Pictures and sound in a session: however they are cut, reused or fed in, the logits are the same.
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

#include "engine/session.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/noise.h"

namespace carat {
namespace {

Engine& Tiny() {
  static const auto engine = Engine::Open({.model = Golden("models/tiny6"), .threads = 1}).value();
  return *engine;
}

std::shared_ptr<const Medium> Picture(uint32_t seed, size_t columns, size_t rows,
                                      MediumKind kind = MediumKind::kPicture) {
  const size_t height = rows * kPatchSide, width = columns * kPatchSide;
  return std::make_shared<const Medium>(
      Medium::FromPixels(kind, {height, width, NoiseBytes(seed, 3 * height * width)}));
}

std::shared_ptr<const Medium> Sound(uint32_t seed, size_t samples) {
  return std::make_shared<const Medium>(Medium::FromSamples(NoiseSamples(seed, samples)));
}

// Adds a medium between its markers.
void Add(Prompt& prompt, std::shared_ptr<const Medium> medium) {
  const Config& config = Tiny().config();
  const TokenId id = medium->kind() == MediumKind::kSound     ? config.audio
                     : medium->kind() == MediumKind::kPicture ? config.image
                                                              : config.video;
  prompt.ids.push_back(500);
  prompt.media.push_back({static_cast<Pos>(prompt.ids.size()), medium});
  prompt.ids.insert(prompt.ids.end(), medium->num_tokens(), id);
  prompt.ids.push_back(506);
}

void Add(Prompt& prompt, std::initializer_list<TokenId> ids) {
  prompt.ids.insert(prompt.ids.end(), ids);
}

// A conversation's beginning with a picture, sound and a frame.
Prompt Shown() {
  Prompt prompt{.ids = {2, 11, 12}};
  Add(prompt, Picture(1, 5, 7));
  Add(prompt, {13, 14});
  Add(prompt, Sound(2, 9000));
  Add(prompt, Picture(3, 2, 1, MediumKind::kFrame));
  Add(prompt, {15, 16, 17});
  return prompt;
}

std::vector<float> LogitsOf(Session& session) {
  return {session.logits().begin(), session.logits().end()};
}

std::vector<float> Fresh(const Prompt& prompt, Pos chunk = 4096) {
  Session session =
      Session::Create(Tiny(), {.cache = DType::kF32, .context = 600, .chunk = chunk}).value();
  EXPECT_TRUE(session.SyncTo(prompt).has_value());
  return LogitsOf(session);
}

TEST(SessionMedia, ChunksMakeNoDifference) {
  Prompt prompt = Shown();
  const auto whole = Fresh(prompt);
  for (const Pos chunk : {1, 2, 3, 7, 16, 34, 35, 36, 64, 256}) {
    EXPECT_EQ(Fresh(prompt, chunk), whole) << "chunk " << chunk;
  }
  prompt.boundaries = {2, 45, 50};
  EXPECT_EQ(Fresh(prompt, 8), whole) << "with boundaries";
  // Of some hundred positions, with chunks that end in every part of it.
  Add(prompt, Picture(6, 12, 11));
  Add(prompt, Sound(7, 100 * kFrameSamples));
  Add(prompt, Picture(8, 9, 9));
  const auto longer = Fresh(prompt);
  for (const Pos chunk : {1, 65, 100, 137, 300, 333}) EXPECT_EQ(Fresh(prompt, chunk), longer);
}

TEST(SessionMedia, TheContentCounts) {
  Prompt other{.ids = Shown().ids};
  other.media = Shown().media;
  other.media[0].medium = Picture(99, 5, 7);
  EXPECT_NE(Fresh(other), Fresh(Shown()));
  other.media[0].medium = Picture(1, 7, 5);  // the same bytes in another shape
  EXPECT_NE(Fresh(other), Fresh(Shown()));
}

TEST(SessionMedia, ASecondTurnReusesThePicture) {
  const Prompt first = Shown();
  Prompt second = Shown();
  Add(second, {18, 19});
  Add(second, Picture(4, 3, 3));
  Add(second, {20, 21});
  Session session = Session::Create(Tiny(), {.cache = DType::kF32, .context = 600}).value();
  ASSERT_OK(session.SyncTo(first));
  ASSERT_VALUE(const SyncReport report, session.SyncTo(second));
  EXPECT_EQ(report.reused, first.ids.size());
  EXPECT_EQ(report.prefilled, second.ids.size() - first.ids.size());
  EXPECT_EQ(LogitsOf(session), Fresh(second));
}

TEST(SessionMedia, AnotherPictureIsReadAgainFromItsBeginning) {
  const Prompt first = Shown();
  Prompt second = Shown();
  second.media[0].medium = Picture(77, 5, 7);
  Session session = Session::Create(Tiny(), {.cache = DType::kF32, .context = 600}).value();
  ASSERT_OK(session.SyncTo(first));
  ASSERT_VALUE(const SyncReport report, session.SyncTo(second));
  EXPECT_EQ(report.reused, static_cast<size_t>(second.media[0].at));
  EXPECT_EQ(LogitsOf(session), Fresh(second));
}

TEST(SessionMedia, SoundThatGoesOnIsReused) {
  Prompt first{.ids = {2, 11}}, second{.ids = {2, 11}};
  const auto samples = NoiseSamples(5, 6400);
  Add(first, std::make_shared<const Medium>(
                 Medium::FromSamples({samples.begin(), samples.begin() + 3200})));
  Add(second, std::make_shared<const Medium>(Medium::FromSamples(samples)));
  Session session = Session::Create(Tiny(), {.cache = DType::kF32, .context = 600}).value();
  ASSERT_OK(session.SyncTo(first));
  ASSERT_VALUE(const SyncReport report, session.SyncTo(second));
  EXPECT_EQ(report.reused, 3u + 5u);
  EXPECT_EQ(LogitsOf(session), Fresh(second));
}

// Sound that arrives in pieces of any size equals sound given at once.
TEST(SessionMedia, SoundInPiecesEqualsSoundAtOnce) {
  Prompt prompt{.ids = {2, 11}};
  Add(prompt, Sound(6, 10000));
  Add(prompt, {12, 13});
  const auto whole = Fresh(prompt);
  const auto samples = NoiseSamples(6, 10000);
  std::mt19937_64 random(1);
  for (const size_t most : {1, 100, 640, 641, 5000, 20000}) {
    SCOPED_TRACE(most);
    Session session =
        Session::Create(Tiny(), {.cache = DType::kF32, .context = 600, .chunk = 4}).value();
    for (const TokenId id : {2, 11, 500}) ASSERT_OK(session.Append(id));
    for (size_t at = 0; at < samples.size();) {
      const size_t n = std::min<size_t>(1 + random() % most, samples.size() - at);
      ASSERT_OK(session.AppendSound(std::span(samples).subspan(at, n)));
      at += n;
    }
    ASSERT_OK(session.EndSound());
    for (const TokenId id : {506, 12, 13}) ASSERT_OK(session.Append(id));
    EXPECT_EQ(LogitsOf(session), whole);
    // And a prompt with that sound finds it in the cache.
    ASSERT_VALUE(const SyncReport report, session.SyncTo(prompt));
    EXPECT_EQ(report.prefilled, 1u);
    // A recording that was broken off leaves nothing behind.
    ASSERT_OK(session.AppendSound(std::span(samples).first(300)));
    ASSERT_OK(session.SyncTo(prompt));
    ASSERT_OK(session.EndSound());
    EXPECT_EQ(session.size(), static_cast<Pos>(prompt.ids.size()));
  }
}

TEST(SessionMedia, SoundThatDoesNotFitChangesNothing) {
  Session session = Session::Create(Tiny(), {.context = 10}).value();
  ASSERT_OK(session.Append(2));
  const auto samples = NoiseSamples(7, 10 * kFrameSamples);
  ExpectError(session.AppendSound(samples), {"the sound does not fit", "9", "10"});
  EXPECT_EQ(session.size(), 1);
  ASSERT_OK(session.AppendSound(std::span(samples).first(9 * kFrameSamples)));
}

TEST(SessionMedia, APictureLongerThanTheModelsPlacesIsRefused) {
  Session session = Session::Create(Tiny(), {}).value();
  Prompt prompt{.ids = {2}};
  Add(prompt, Picture(1, 17, 1));  // the tables have 16
  ExpectError(session.SyncTo(prompt), {"too long", "16", "17"});
}

TEST(SessionMedia, APictureLargerThanTheSessionTakesIsRefused) {
  Session session = Session::Create(Tiny(), {.max_picture = 30}).value();
  ExpectError(session.SyncTo(Shown()), {"too many soft tokens", "position 4", "30", "35"});
  EXPECT_EQ(session.size(), 0);
}

// The text-only GGUF of the goldens.
TEST(SessionMedia, AModelWithoutEmbeddersSaysSo) {
  ASSERT_VALUE(const auto engine, Engine::Open({.model = Golden("quants/mixed.gguf")}));
  ASSERT_VALUE(Session session, Session::Create(*engine, {.context = 100}));
  Prompt prompt{.ids = {2, 3}};
  prompt.media.push_back({1, Picture(1, 1, 1)});
  ExpectError(session.SyncTo(prompt), {"does not see", "mixed.gguf", "mmproj"});
  ExpectError(session.AppendSound(NoiseSamples(1, 640)), {"does not hear", "mmproj"});
}

}  // namespace
}  // namespace carat
