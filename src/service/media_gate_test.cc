// MediaGate: turns and shares.
#include "service/media_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "media/limits.h"

namespace carat {
namespace {

using Turns = std::vector<MediaGate::Turn>;

const auto kNoPatience = [](double) { return false; };

TEST(MediaGate, OneOwnerHasAllDecoders) {
  MediaGate gate(100);
  Turns turns;
  for (int i = 0; i < kMaxDecoders; ++i) {
    auto turn = gate.Wait("a", kNoPatience).value();
    turns.push_back(std::move(turn));
  }
  EXPECT_EQ(gate.Wait("a", kNoPatience).error().code, ErrorCode::kCancelled);
  turns.pop_back();
  EXPECT_TRUE(gate.Wait("a", kNoPatience).has_value());
}

TEST(MediaGate, OfSeveralOwnersNoneHasAll) {
  MediaGate gate(100);
  const auto other = gate.Wait("b", kNoPatience).value();
  Turns turns;
  for (int i = 0; i < kMaxDecoders - 1; ++i) {
    auto turn = gate.Wait("a", kNoPatience).value();
    turns.push_back(std::move(turn));
  }
  EXPECT_EQ(gate.Wait("a", kNoPatience).error().code, ErrorCode::kCancelled);
}

TEST(MediaGate, ATurnThatEndsWakesWhoWaits) {
  MediaGate gate(100);
  Turns turns;
  for (int i = 0; i < kMaxDecoders; ++i) {
    auto turn = gate.Wait("a", {}).value();
    turns.push_back(std::move(turn));
  }
  std::atomic<bool> had = false;
  std::thread waiting([&] { had = gate.Wait("a", {}).has_value(); });
  EXPECT_FALSE(had);
  turns.clear();
  waiting.join();
  EXPECT_TRUE(had);
}

TEST(MediaGate, BoundsWhatIsHeld) {
  const MediaGate gate(100);
  auto first = gate.NewShare();
  // Alone it may be as large as it is: a prompt that fits the context can always be asked.
  EXPECT_TRUE(gate.Grow(*first, 70).has_value());
  EXPECT_TRUE(gate.Grow(*first, 70).has_value());
  const auto second = gate.NewShare();
  EXPECT_EQ(gate.Grow(*second, 1).error().code, ErrorCode::kBusy);
  first.reset();
  EXPECT_TRUE(gate.Grow(*second, 60).has_value());
  const auto third = gate.NewShare();
  EXPECT_EQ(gate.Grow(*third, 41).error().code, ErrorCode::kBusy);
  EXPECT_TRUE(gate.Grow(*third, 40).has_value());
}

}  // namespace
}  // namespace carat
