// Drafting from outside: options, what is said of it, `carat inspect draft`, `carat bench --draft`.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/npy.h"
#include "tests/support/run_carat.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

const std::string kTiny = Golden("models/tiny6").string();
const std::string kPoint = PointFolder().string();

TEST(CliDraft, InspectWritesLogitsAndIds) {
  const TempFolder folder;
  const std::string out = (folder / "draft.npy").string();
  const Ran ran =
      RunCarat("inspect draft --model " + kTiny + " --drafter " + kTiny + "/assistant --ids " +
               kTiny + "/len49.ids.json --steps 8 --reference " + "--out " + out);
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Json golden = MustParse(MustRead(kTiny + "/len49.draft.json"));
  EXPECT_EQ(MustReadIds(folder / "draft.ids.json"), ToIds(*golden.Find("drafts")));
  const auto logits = ReadNpy(out).value(), wanted = ReadNpy(kTiny + "/len49.draft.npy").value();
  EXPECT_EQ(logits.shape, wanted.shape);
  for (size_t i = 0; i < wanted.values.size(); ++i)
    ASSERT_NEAR(logits.values[i], wanted.values[i], 3e-3);
  const Ran none = RunCarat("inspect draft --model " + kTiny + " --drafter off --ids " + kTiny +
                            "/len49.ids.json --out " + out);
  EXPECT_EQ(none.code, 2);
  ExpectHas(none.err, {"nothing drafts", "switched off"});
}

TEST(CliDraft, TheSameIdsAtEveryDepth) {
  const TempFolder folder;
  const std::string out = (folder / "ids.json").string();
  const std::string command = "inspect generate --greedy --ignore-stop --max-tokens 24 --model " +
                              kTiny + " --ids " + kTiny + "/len11.ids.json --out " + out;
  ASSERT_EQ(RunCarat(command).code, 0);
  const auto plain = MustReadIds(out);
  for (const std::string depth : {"auto", "1", "8"}) {
    const Ran ran = RunCarat(command + " --drafter " + kTiny + "/assistant --draft-depth " + depth);
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(MustReadIds(out), plain);
  }
}

TEST(CliDraft, AnswersSayWhatWasDrafted) {
  const std::string run = "run --model " + kPoint + " --json --temperature 0 " +
                          "'Make this short: Leo was a happy gardener. On Wednesday Leo went to " +
                          "the park. There Leo found a blue drum. Leo gave the drum to Emma.' ";
  const auto done = [](const Ran& ran) {
    const size_t line = ran.out.rfind('\n', ran.out.size() - 2) + 1;
    return MustParse(std::string_view(ran.out).substr(line));
  };
  const Ran fixed = RunCarat(run + "--draft-depth 3");
  ASSERT_EQ(fixed.code, 0) << fixed.err;
  const Json drafted = done(fixed);
  EXPECT_TRUE(drafted.Find("drafting")->Find("state")->string().starts_with("depth 3 (fixed)"));
  EXPECT_GT(drafted.Find("drafting")->Find("accepted")->integer(), 0);
  const Ran off = RunCarat(run + "--drafter off");
  ASSERT_EQ(off.code, 0) << off.err;
  EXPECT_EQ(done(off).Find("drafting")->Find("state")->string(), "off (switched off)");
  EXPECT_EQ(done(off).Find("tokens")->integer(), drafted.Find("tokens")->integer());
}

TEST(CliDraft, NoOptionIsIgnored) {
  for (const std::string command : {"run hello", "plan"}) {
    const std::string model = command + " --model " + kPoint;
    EXPECT_EQ(RunCarat(model + " --draft-depth 9").code, 2);
    EXPECT_EQ(RunCarat(model + " --draft-depth 0").code, 2);
    EXPECT_EQ(RunCarat(model + " --drafter ''").code, 2);
    const Ran both = RunCarat(model + " --drafter off --draft-depth 4");
    EXPECT_EQ(both.code, 2);
    ExpectHas(both.err, {"--draft-depth", "switched off"});
    const Ran wrong = RunCarat(model + " --drafter " + kTiny + "/assistant");
    EXPECT_EQ(wrong.code, 2);
    ExpectHas(wrong.err, {"another model", "hidden width 192", "48"});
  }
  EXPECT_EQ(RunCarat("bench --acceptance 0.5 --model " + kPoint).code, 2);
  EXPECT_EQ(RunCarat("bench --draft --only load --model " + kPoint).code, 2);
  EXPECT_EQ(RunCarat("bench --draft --acceptance 0.5,0.7 --model " + kPoint).code, 2);
}

TEST(CliDraft, ThePlanCountsTheDrafter) {
  const Json with = MustParse(RunCarat("plan --json --model " + kPoint).out);
  const Json without = MustParse(RunCarat("plan --json --drafter off --model " + kPoint).out);
  EXPECT_GT(with.Find("drafter")->integer(), 4'000'000);
  EXPECT_EQ(without.Find("drafter")->integer(), 0);
  EXPECT_EQ(without.Find("no_drafts")->string(), "switched off");
  EXPECT_GT(with.Find("total")->integer(), without.Find("total")->integer());
}

TEST(CliDraft, BenchSaysWhatDraftingIsWorth) {
  const TempFolder folder;
  const std::string svg = (folder / "draft.svg").string();
  WriteText(folder / "talk.json",
            R"([{"messages": [{"role": "user", "content": "Hi, my name is Ida."}]}])");
  const Ran ran =
      RunCarat("bench --draft --json --rounds 1 --acceptance 0.8,0.6 --model " + kPoint +
               " --conversations " + (folder / "talk.json").string() + " --svg " + svg);
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Json json = MustParse(ran.out);
  const Json* costs = json.Find("costs");
  ASSERT_EQ(costs->Find("pass_seconds")->array().size(), 9u);
  const double one = costs->Find("pass_seconds")->array()[0].number(),
               two = costs->Find("pass_seconds")->array()[1].number(),
               draft = costs->Find("draft_seconds")->number();
  const Json& row = json.Find("predicted")->array()[0];
  EXPECT_EQ(row.Find("acceptance")->number(), 0.5);
  EXPECT_NEAR(row.Find("speed_up_by_depth")->array()[0].number(), 1.5 * one / (two + draft), 1e-9);
  EXPECT_GT(json.Find("drawn_tokens_per_s")->array()[2].number(), 0);
  EXPECT_EQ(json.Find("drawn_tokens_per_s")->array()[3].number(), 0);
  EXPECT_EQ(json.Find("texts")->array()[0].Find("name")->string(), "plain");
  EXPECT_EQ(json.Find("texts")->array()[1].Find("name")->string(), "auto");
  EXPECT_GT(json.Find("texts")->array()[1].Find("tokens")->integer(), 3);
  ExpectHas(MustRead(svg), {"<svg", "predicted by acceptance", "drafts that were right"});
  const Ran csv = RunCarat("bench --draft --csv --rounds 1 --model " + kPoint +
                           " --conversations " + (folder / "talk.json").string());
  ExpectHas(csv.out, {"what,", "pass_seconds,9,", "predicted_speed_up,8,0.95,"});
  WriteText(folder / "bad.json", R"([{"prompt": 1}])");
  const Ran bad = RunCarat("bench --draft --rounds 1 --model " + kPoint + " --conversations " +
                           (folder / "bad.json").string());
  EXPECT_EQ(bad.code, 2);
  ExpectHas(bad.err, {"bad.json", "messages"});
}

}  // namespace
}  // namespace carat
