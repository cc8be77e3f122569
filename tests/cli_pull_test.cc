// carat pull, from outside: a fake Hub that has carat-point under the 12B's names.
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "tests/support/fake_hub.h"
#include "tests/support/point_files.h"
#include "tests/support/run_carat.h"

namespace carat {
namespace {

namespace fs = std::filesystem;

class PullTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    files_ = new TempFolder;
    hub_ = new FakeHub;
    PointGgufs(files_->path(), "Q4_0");
    const auto put = [](const char* repository, const char* name, const char* file) {
      hub_->Put(repository, name, MustRead(files_->path() / file));
    };
    put("google/gemma-4-12B-it-qat-q4_0-gguf", "gemma-4-12b-it-qat-q4_0.gguf", "point.gguf");
    put("google/gemma-4-12B-it-qat-q4_0-gguf", "mmproj-gemma-4-12b-it-qat-q4_0.gguf",
        "mmproj-point.gguf");
    put("unsloth/gemma-4-12B-it-qat-GGUF", "mtp-gemma-4-12B-it.gguf", "point-mtp.gguf");
  }
  static void TearDownTestSuite() {
    delete std::exchange(hub_, nullptr);
    delete std::exchange(files_, nullptr);
  }
  void SetUp() override { hub_->Reset(); }

  std::string Environment() const {
    return fmt::format("env -u HF_TOKEN -u HF_HUB_OFFLINE CARAT_HOME={} HF_ENDPOINT={}",
                       home_.path().string(), hub_->url());
  }
  Ran Carat(const std::string& arguments, const std::string& more = "") const {
    return RunCarat(arguments, Environment() + " " + more);
  }
  static constexpr const char* kQuick = " --retry-wait 0.05 --stall 1 ";
  fs::path Bundle() const { return home_ / "models/gemma-4-12b.carat"; }

  const TempFolder home_;
  static inline TempFolder* files_ = nullptr;
  static inline FakeHub* hub_ = nullptr;
};

TEST_F(PullTest, TwoCommandsToAConversation) {
  const Ran pull = Carat("pull gemma-4-12b");
  ASSERT_EQ(pull.code, 0) << pull.err;
  ExpectHas(pull.out, {"text", "embedders", "drafter", "of memory", "gemma-4-12b is ready",
                       "not that the files are the original"});
  ExpectHas(pull.err, {"downloading", "checking", "packing", "verifying"});
  const Ran run = Carat("run 'Count from 3 to 9.'");
  EXPECT_EQ(run.out, "3, 4, 5, 6, 7, 8, 9\n") << run.err;
  ExpectHas(Carat("list").out, {"gemma-4-12b", "(default)"});
  const Ran show = Carat("show gemma-4-12b");
  ExpectHas(show.out, {"google/gemma-4-12B-it-qat-q4_0-gguf", "c0ffee"});
  EXPECT_FALSE(fs::exists(home_ / "models/downloads/gemma-4-12b"));

  // What was pulled comes out again as it was.
  ASSERT_EQ(Carat("unpack --quiet gemma-4-12b " + (home_ / "out").string()).code, 0);
  EXPECT_EQ(MustRead(home_ / "out/gemma-4-12b-it-qat-q4_0.gguf"),
            MustRead(files_->path() / "point.gguf"));
  const size_t asked = hub_->Log().size();
  const Ran again = Carat("pull gemma-4-12b");
  EXPECT_EQ(again.code, 0);
  ExpectHas(again.out, {"is here already"});
  EXPECT_EQ(hub_->Log().size(), asked) << "nothing was asked for";
}

TEST_F(PullTest, DryRunFetchesNothing) {
  const Ran pull = Carat("pull --dry-run");
  EXPECT_EQ(pull.code, 0) << pull.err;
  ExpectHas(pull.out, {"to fetch", "of disk", "of memory"});
  for (const auto& asked : hub_->Log()) EXPECT_EQ(asked.method, "HEAD");
  EXPECT_FALSE(fs::exists(Bundle()));
}

TEST_F(PullTest, StaysOffline) {
  for (const auto& [arguments, variable] : {std::pair("--offline pull", ""),
                                            {"pull --offline", ""},
                                            {"pull", "CARAT_OFFLINE=1"},
                                            {"pull", "HF_HUB_OFFLINE=1"}}) {
    const Ran pull = Carat(arguments, variable);
    EXPECT_EQ(pull.code, 2);
    ExpectHas(pull.err, {"offline"});
  }
  EXPECT_TRUE(hub_->Log().empty());
}

TEST_F(PullTest, NoOtherCommandAsksTheHub) {
  ASSERT_EQ(Carat("pull --quiet").code, 0);
  hub_->Reset();
  for (const char* command : {"run hello", "list", "show gemma-4-12b", "plan", "import --scan",
                              "verify --quiet gemma-4-12b", "rm gemma-4-12b"})
    static_cast<void>(Carat(command));
  EXPECT_TRUE(hub_->Log().empty());
}

TEST_F(PullTest, TokenGoesToTheHubAlone) {
  hub_->Tell(R"({"needs_token":"hf_secret"})");
  const Ran refused = Carat("pull --quiet");
  EXPECT_EQ(refused.code, 2);
  ExpectHas(refused.err, {"HF_TOKEN"});
  ASSERT_EQ(Carat("pull --quiet", "HF_TOKEN=hf_secret").code, 0);
  bool other = false;
  for (const auto& asked : hub_->Log()) {
    if (asked.server == "hub") continue;
    other = true;
    EXPECT_EQ(asked.authorization, "");
  }
  EXPECT_TRUE(other);
}

TEST_F(PullTest, PlainHttpOnlyToThisMachine) {
  const Ran pull =
      RunCarat("pull", "CARAT_HOME=" + home_.path().string() + " HF_ENDPOINT=http://example.com");
  EXPECT_EQ(pull.code, 2);
  ExpectHas(pull.err, {"https"});
}

TEST_F(PullTest, NamesThatAreNotInTheTable) {
  for (const std::string name : {"gemma-5", "../x", "gemma-4-12b:../x", "a/b", "'a\\b'", "/etc"}) {
    const Ran pull = Carat("pull " + name);
    EXPECT_EQ(pull.code, 2) << name;
  }
  EXPECT_TRUE(hub_->Log().empty());
}

TEST_F(PullTest, APartAlone) {
  const Ran pull = Carat("pull --quiet --part drafter");
  ASSERT_EQ(pull.code, 0) << pull.err;
  size_t parts = 0;
  for (const auto& entry : fs::directory_iterator(home_ / "models/parts")) {
    ++parts;
    EXPECT_EQ(MustRead(entry.path()), MustRead(files_->path() / "point-mtp.gguf"));
  }
  EXPECT_EQ(parts, 1u);
  const Ran import =
      Carat("import --quiet --name mine " + (files_->path() / "point.gguf").string());
  EXPECT_EQ(import.code, 0) << import.err;
}

TEST_F(PullTest, WrongBytesNeverBecomeAModel) {
  hub_->Tell(R"({"flip_byte":100000})");
  const Ran pull = Carat("pull --quiet" + std::string(kQuick));
  EXPECT_EQ(pull.code, 2);
  ExpectHas(pull.err, {"not the one"});
  EXPECT_FALSE(fs::exists(Bundle()));
  hub_->Tell("{}");
  EXPECT_EQ(Carat("pull --quiet").code, 0);
}

TEST_F(PullTest, WhatIsDamagedIsPulledAnew) {
  ASSERT_EQ(Carat("pull --quiet").code, 0);
  std::string bytes = MustRead(Bundle());
  bytes[5000] = static_cast<char>(bytes[5000] ^ 1);  // of the header
  WriteText(Bundle(), bytes);
  EXPECT_EQ(Carat("pull --quiet").code, 0);
  EXPECT_EQ(Carat("verify --quiet gemma-4-12b").code, 0);
}

TEST_F(PullTest, OneAtATime) {
  hub_->Tell(R"({"bytes_per_second":8000000})");
  std::thread first([&] { EXPECT_EQ(Carat("pull --quiet").code, 0); });
  while (hub_->Log().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const Ran second = Carat("pull --quiet");
  EXPECT_EQ(second.code, 2);
  ExpectHas(second.err, {"another carat"});
  const Ran removed = Carat("rm gemma-4-12b");
  EXPECT_EQ(removed.code, 2);
  first.join();
}

// At any moment: while it asks, downloads, checks, packs, verifies or clears away.
TEST_F(PullTest, KilledTwentyTimesItGoesOn) {
  hub_->Tell(R"({"bytes_per_second":3000000})");
  std::mt19937 random(20);
  int killed = 0;
  for (int i = 0; i < 20; ++i) {
    const double seconds = 0.02 + static_cast<double>(random() % 700) / 1000;
    const Ran ran = RunProgram(Environment() + fmt::format(" timeout -s KILL {:.3f}", seconds),
                               CARAT_BINARY + std::string(" pull --quiet"));
    if (ran.code != 0) ++killed;
    if (fs::exists(Bundle())) {
      EXPECT_EQ(Carat("verify --quiet gemma-4-12b").code, 0);
      if (i < 15) fs::remove(Bundle());
    }
  }
  EXPECT_GT(killed, 5);
  hub_->Tell("{}");
  const Ran last = Carat("pull --quiet");
  ASSERT_EQ(last.code, 0) << last.err;
  EXPECT_EQ(Carat("verify --quiet gemma-4-12b").code, 0);
  ASSERT_EQ(Carat("unpack --quiet gemma-4-12b " + (home_ / "out").string()).code, 0);
  EXPECT_EQ(MustRead(home_ / "out/gemma-4-12b-it-qat-q4_0.gguf"),
            MustRead(files_->path() / "point.gguf"));
}

}  // namespace
}  // namespace carat
