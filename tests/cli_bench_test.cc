// `carat bench` and `carat plan` from outside.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/run_carat.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

TEST(CliBench, RecordsSayWhatTheyMeasured) {
  const TempFolder folder;
  const std::string svg = (folder / "chart.svg").string();
  const Ran ran = RunCarat("bench --model " + Fixture() +
                           " --only decode_512,verify_4,prefill_40,load,decode_100000 --rounds 2 "
                           "--json --profile --threads 2 --svg " +
                           svg);
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Json json = MustParse(ran.out);
  for (const char* key : {"processor", "processors", "read_bytes_per_s", "matrix_products_per_s"})
    EXPECT_NE(json.Find("machine")->Find(key), nullptr) << key;
  EXPECT_EQ(json.Find("settings")->Find("threads")->integer(), 2);
  const auto& records = json.Find("records")->array();
  ASSERT_EQ(records.size(), 5u);
  const char* names[] = {"decode_512", "verify_4", "prefill_40", "load", "decode_100000"};
  const int64_t rows[] = {1, 4, 40, 1};
  for (size_t i = 0; i < 4; ++i) {
    const Json& record = records[i];
    EXPECT_EQ(record.Find("name")->string(), names[i]);
    const double seconds = record.Find("seconds")->number();
    EXPECT_GT(seconds, 0);
    EXPECT_GT(record.Find("bytes")->integer(), 0);
    EXPECT_NEAR(record.Find("tokens_per_s")->number() * seconds, static_cast<double>(rows[i]),
                1e-6);
    EXPECT_NEAR(record.Find("fraction_of_limit")->number(),
                record.Find("tokens_per_s")->number() / record.Find("limit_tokens_per_s")->number(),
                1e-9);
  }
  EXPECT_NEAR(records[1].Find("ratio_to_one_token")->number(),
              records[1].Find("seconds")->number() / records[0].Find("seconds")->number(), 1e-9);
  double stages = 0;  // of a pass among those measured
  for (const auto& [stage, seconds] : records[0].Find("profile")->object())
    stages += seconds.number();
  EXPECT_NEAR(stages / records[0].Find("seconds")->number(), 1, 0.5);
  EXPECT_NE(records[4].Find("skipped"), nullptr);
  ExpectHas(MustRead(svg), {"<svg", "decode_512", "one token"});
}

TEST(CliBench, BadNamesAreErrors) {
  for (const char* only : {"decode", "decode_0", "decode_x", "verify_17", "prefill_-1", "speed",
                           "decode_512,decode_512"}) {
    const Ran ran = RunCarat("bench --model " + Fixture() + " --only " + only);
    EXPECT_EQ(ran.code, 2) << only;
    ExpectHas(ran.err, {"--only"});
  }
  EXPECT_EQ(RunCarat("bench --json --csv --model " + Fixture()).code, 2);
}

TEST(CliPlan, CountsBytesAndSaysWhatFits) {
  const Ran ran = RunCarat("plan --model " + Fixture() + " --json");
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Json json = MustParse(ran.out);
  int64_t sum = 0;
  for (const char* part : {"weights", "vocabulary", "embedders", "drafter", "sliding_cache",
                           "global_cache", "saved_windows", "scratch", "program"})
    sum += json.Find(part)->integer();
  EXPECT_EQ(json.Find("total")->integer(), sum);
  EXPECT_TRUE(json.Find("fits")->boolean());
  EXPECT_EQ(json.Find("context")->integer(), 4096);
  ExpectHas(RunCarat("plan --model " + Fixture()).out, {"weights", "together", "available"});
}

TEST(CliPlan, RefusesWhatMakesNoSense) {
  ExpectHas(RunCarat("plan --model " + Fixture() + " --context 5000").err,
            {"--context", "wanted 1 to 4096", "found 5000"});
  EXPECT_EQ(RunCarat("plan --model " + Fixture() + " --drafter " + Fixture()).code, 2);
  EXPECT_EQ(RunCarat("plan --model /nowhere").code, 2);
}

}  // namespace
}  // namespace carat
