#include "service/fair_places.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace carat {
namespace {

using Held = std::vector<FairPlaces::Place>;

const auto kNoPatience = [](double) { return false; };

Held Take(FairPlaces& places, const std::string& owner, size_t count) {
  Held held;
  for (size_t i = 0; i < count; ++i) {
    auto place = places.Wait(owner, kNoPatience);
    EXPECT_TRUE(place.has_value()) << owner << " " << i;
    if (place) held.push_back(*std::move(place));
  }
  return held;
}

TEST(FairPlaces, OneOwnerHasAll) {
  FairPlaces places(3, false);
  Held held = Take(places, "a", 3);
  EXPECT_EQ(places.Wait("a", kNoPatience).error().code, ErrorCode::kCancelled);
  held.pop_back();
  EXPECT_TRUE(places.Wait("a", kNoPatience).has_value());
}

TEST(FairPlaces, OfSeveralOwnersNoneHasAll) {
  FairPlaces places(3, true);
  const Held held = Take(places, "a", 2);
  EXPECT_EQ(places.Wait("a", kNoPatience).error().code, ErrorCode::kCancelled);
  const Held other = Take(places, "b", 1);
  EXPECT_EQ(places.Wait("b", kNoPatience).error().code, ErrorCode::kCancelled);
}

TEST(FairPlaces, APlaceThatIsGivenBackWakesWhoWaits) {
  FairPlaces places(1, true);
  Held held = Take(places, "a", 1);
  std::atomic<bool> had = false;
  std::thread waiting([&] { had = places.Wait("b", {}).has_value(); });
  EXPECT_FALSE(had);
  held.clear();
  waiting.join();
  EXPECT_TRUE(had);
}

}  // namespace
}  // namespace carat
