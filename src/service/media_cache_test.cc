#include "service/media_cache.h"

#include <gtest/gtest.h>

namespace carat {
namespace {

MediaReader::Read Sound(size_t samples) {
  MediaReader::Read read;
  read.part.kind = PartKind::kAudio;
  read.part.media = {
      std::make_shared<const Medium>(Medium::FromSamples(std::vector<float>(samples, 0.5F)))};
  read.summary = std::to_string(samples);
  return read;
}

constexpr size_t kFrame = kFrameSamples * sizeof(float);

TEST(MediaCache, ForgetsWhatWasNotUsedForTheLongestTime) {
  MediaCache cache(3 * kFrame);
  for (const char* const key : {"a", "b", "c"}) cache.Keep(key, Sound(kFrameSamples));
  EXPECT_TRUE(cache.Find("a").has_value());
  cache.Keep("d", Sound(kFrameSamples));
  EXPECT_FALSE(cache.Find("b").has_value());
  EXPECT_TRUE(cache.Find("a").has_value());
  cache.Keep("e", Sound(2 * kFrameSamples));
  EXPECT_TRUE(cache.Find("a").has_value());
  EXPECT_FALSE(cache.Find("c").has_value());
  EXPECT_FALSE(cache.Find("d").has_value());
  cache.Keep("large", Sound(4 * kFrameSamples));
  EXPECT_FALSE(cache.Find("large").has_value());
  EXPECT_TRUE(cache.Find("e").has_value());
  cache.Keep("e", Sound(kFrameSamples));  // anew
  EXPECT_EQ(cache.Find("e")->summary, std::to_string(kFrameSamples));
  EXPECT_TRUE(cache.Find("a").has_value());
}

TEST(MediaCache, KnowsRequestsApart) {
  const MediaRequest request{.path = "data:x"};
  const std::string key = MediaCache::KeyOf("ann", request);
  EXPECT_EQ(MediaCache::KeyOf("ann", request), key);
  EXPECT_NE(MediaCache::KeyOf("bob", request), key);
  for (const MediaRequest& other :
       {MediaRequest{.path = "data:y"}, MediaRequest{.kind = PartKind::kAudio, .path = "data:x"},
        MediaRequest{.path = "data:x", .budget = 70}, MediaRequest{.path = "data:x", .frames = 1},
        MediaRequest{.path = "data:x", .budget = kAutoBudget},
        MediaRequest{.path = "data:x", .fps = 1}})
    EXPECT_NE(MediaCache::KeyOf("ann", other), key);
}

}  // namespace
}  // namespace carat
