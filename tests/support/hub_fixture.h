// What the tests of downloads share: a fake Hub with a repository, and a folder to download to.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "hub/client.h"
#include "tests/support/fake_hub.h"
#include "tests/support/files.h"
#include "tests/support/temp_folder.h"

namespace carat {

class HubFixture : public testing::Test {
 protected:
  static constexpr std::string_view kRepository = "google/gemma-test";
  static constexpr std::string_view kToken = "hf_secret";
  static constexpr size_t kSegment = 64 << 10;

  static void SetUpTestSuite() { hub_ = new FakeHub; }
  static void TearDownTestSuite() { delete std::exchange(hub_, nullptr); }
  void SetUp() override {
    hub_->Reset();
    hub_->Put(std::string(kRepository), "big.gguf", big_);
    hub_->Put(std::string(kRepository), "small.json", small_);
    hub_->Put(std::string(kRepository), "empty.txt", "");
  }

  // Noise, so that bytes in a wrong place never pass.
  static std::string Noise(size_t size, unsigned seed = 1) {
    std::mt19937 random(seed);
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random());
    return text;
  }

  HubOptions Options() const {
    HubOptions options;
    options.endpoint = hub_->url();
    options.token = kToken;
    options.stall_seconds = 0.4;
    options.retries = 3;
    options.first_wait_seconds = 0.02;
    options.segment_bytes = kSegment;
    return options;
  }
  static HubClient Client(HubOptions options) {
    auto client = HubClient::Create(std::move(options));
    EXPECT_TRUE(client.has_value()) << (client ? "" : client.error().Message());
    return *std::move(client);
  }
  HubClient Client() const { return Client(Options()); }
  // On a good day.
  RemoteFile Look(const std::string& file) const {
    hub_->Tell("{}");
    auto found = Client().Resolve(kRepository, "main", file);
    EXPECT_TRUE(found.has_value()) << (found ? "" : found.error().Message());
    return found.value_or(RemoteFile());
  }

  // Looks the file up on a good day, and fetches it in the scenario.
  Result<Downloaded> Get(const std::string& file, const std::string& scenario = "{}") {
    return Get(file, scenario, Options());
  }
  Result<Downloaded> Get(const std::string& file, const std::string& scenario, HubOptions options,
                         const DownloadWatch& watch = {}) {
    const RemoteFile remote = Look(file);
    hub_->Tell(scenario);
    return Client(std::move(options)).Download(remote, target_, watch);
  }
  size_t FilesLeft() const {
    size_t n = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      ++n;
    return n;
  }
  void ExpectWhole(const Result<Downloaded>& done, const std::string& content) const {
    ASSERT_TRUE(done.has_value()) << done.error().Message();
    EXPECT_TRUE(MustRead(target_) == content);
    EXPECT_EQ(FilesLeft(), 1u);
  }

  static inline FakeHub* hub_ = nullptr;
  const std::string big_ = Noise(1'000'000);
  const std::string small_ = Noise(900);
  TempFolder folder_;
  std::filesystem::path target_ = folder_ / "target";
};

}  // namespace carat
