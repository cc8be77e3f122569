// Whole downloads from the fake Hub, on good days and on bad ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>
#include <string>

#include "hub/client.h"
#include "hub/part_file.h"
#include "io/file.h"
#include "tests/support/errors.h"
#include "tests/support/fake_hub.h"
#include "tests/support/files.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

constexpr std::string_view kRepository = "google/gemma-test";
constexpr std::string_view kToken = "hf_secret";
constexpr size_t kSegment = 64 << 10;

// Noise, so that bytes in a wrong place never pass.
std::string Noise(size_t size, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

class Download : public testing::Test {
 protected:
  static void SetUpTestSuite() { hub_ = new FakeHub; }
  static void TearDownTestSuite() {
    delete hub_;
    hub_ = nullptr;
  }
  void SetUp() override {
    hub_->Reset();
    hub_->Put(std::string(kRepository), "big.gguf", big_);
    hub_->Put(std::string(kRepository), "small.json", small_);
    hub_->Put(std::string(kRepository), "empty.txt", "");
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

  // Looks the file up on a good day, and fetches it in the scenario.
  Result<Downloaded> Get(const std::string& file, const std::string& scenario = "{}") {
    return Get(file, scenario, Options());
  }
  Result<Downloaded> Get(const std::string& file, const std::string& scenario, HubOptions options,
                         const DownloadWatch& watch = {}) {
    CARAT_ASSIGN(HubClient client, HubClient::Create(std::move(options)));
    CARAT_ASSIGN(const RemoteFile remote, client.Resolve(kRepository, "main", file));
    hub_->Tell(scenario);
    return client.Download(remote, target_, watch);
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

TEST_F(Download, BringsLargeSmallAndEmptyFiles) {
  const auto big = Get("big.gguf");
  ExpectWhole(big, big_);
  EXPECT_EQ(big->bytes_fetched, big_.size());
  EXPECT_FALSE(big->was_there);
  std::filesystem::remove(target_);
  ExpectWhole(Get("small.json"), small_);
  std::filesystem::remove(target_);
  ExpectWhole(Get("empty.txt"), "");
}

TEST_F(Download, TheTokenStaysAtTheEndpointAndRangesDoNotOverlap) {
  ExpectWhole(Get("big.gguf"), big_);
  std::set<std::string> ranges;
  size_t at_hub = 0;
  for (const auto& asked : hub_->Log()) {
    EXPECT_EQ(asked.authorization, asked.server == "hub" ? "Bearer hf_secret" : "") << asked.path;
    at_hub += asked.server == "hub";
    if (asked.server != "cdn") continue;
    EXPECT_TRUE(ranges.insert(asked.range).second) << asked.range;
  }
  EXPECT_EQ(ranges.size(), (big_.size() + kSegment - 1) / kSegment);
  EXPECT_EQ(at_hub, 2u);  // the look-up, and one request for a signed address
}

}  // namespace
}  // namespace carat
