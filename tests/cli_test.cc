// `carat run` from outside: what it prints and returns. cli_inspect_test.cc has `carat inspect`.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tests/support/run_carat.h"

namespace carat {
namespace {

const std::string kStops[] = {"1", "9", "16"};  // of the fixture

// An answer that no stop token and no repetition ends.
std::string Endless() {
  std::string options = " --no-repetition-guard";
  for (const std::string& id : kStops) options += " --logit-bias " + id + "=-100";
  return options;
}

std::vector<Json> Events(const std::string& lines) {
  std::vector<Json> events;
  for (size_t at = 0; at < lines.size();) {
    const size_t end = lines.find('\n', at);
    events.push_back(MustParse(lines.substr(at, end - at)));
    if (end == std::string::npos) break;
    at = end + 1;
  }
  return events;
}

std::string KindOf(const Json& event) {
  const Json* kind = event.Find("event");
  return kind != nullptr && kind->is_string() ? kind->string() : "";
}

TEST(CliRun, WritesOnlyTheAnswer) {
  const Ran ran = RunCarat("run --model " + Fixture() + " --max-tokens 3 --logit-bias 347=100 hi");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "aaa\n");
}

TEST(CliRun, TheSeedDecidesTheAnswer) {
  const std::string command = "run --model " + Fixture() + " --max-tokens 32 ";
  const Ran first = RunCarat(command + "--seed 5 Hello");
  EXPECT_EQ(first.code, 0);
  EXPECT_FALSE(first.out.empty());
  EXPECT_EQ(RunCarat(command + "--seed 5 Hello").out, first.out);
  // Without one every run draws its own. Short answers may be the same by chance; four are not.
  std::set<std::string> answers;
  for (int i = 0; i < 4; ++i) answers.insert(RunCarat(command + "Hello").out);
  EXPECT_GT(answers.size(), 1u);
}

TEST(CliRun, SaysWhyAnAnswerEndedEarly) {
  const struct {
    std::string options, reason;
  } cases[] = {
      {"--max-tokens 3", "the limit of --max-tokens was reached"},
      {"--context 64", "the context is full; --context N gives more room"},
  };
  for (const auto& c : cases) {
    const Ran ran = RunCarat("run --model " + Fixture() +
                             " --logit-bias 347=100 --no-repetition-guard " + c.options + " hi");
    EXPECT_EQ(ran.code, 0);
    EXPECT_EQ(ran.err, "carat: the answer ended early: " + c.reason + "\n");
    EXPECT_EQ(ran.out.find_first_not_of('a'), ran.out.size() - 1) << ran.out;
    EXPECT_TRUE(ran.out.ends_with("a\n")) << ran.out;
  }
}

TEST(CliRun, JsonEventsParse) {
  const Ran ran =
      RunCarat("run --model " + Fixture() + " --max-tokens 4 --json" + Endless() + " Hello");
  ASSERT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "");
  const std::vector<Json> events = Events(ran.out);
  ASSERT_FALSE(events.empty());
  for (const Json& event : events) EXPECT_NE(KindOf(event), "");
  EXPECT_EQ(KindOf(events.back()), "done");
  ASSERT_NE(events.back().Find("reason"), nullptr);
  EXPECT_EQ(events.back().Find("reason")->string(), "length");
}

TEST(CliRun, JsonHasAnEventOfTheError) {
  const Ran ran = RunCarat("run --model " + Fixture() + " --context 8 --json 'this is too long'");
  EXPECT_EQ(ran.code, 2);
  const std::vector<Json> events = Events(ran.out);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(KindOf(events.back()), "error");
  ASSERT_NE(events.back().Find("message"), nullptr);
  ExpectHas(events.back().Find("message")->string(),
            {"the prompt does not fit the context", "wanted at most 8 tokens", "found"});
  ExpectHas(ran.err, {"the prompt does not fit the context", "--context N gives more room"});
}

TEST(CliRun, BadInputEndsWithCode2AndSaysWhich) {
  const std::string model = "run --model " + Fixture();
  const struct {
    std::string arguments;
    std::vector<std::string_view> says;
  } cases[] = {
      {"run --model /nowhere hi",
       {"carat: /nowhere: no such model (wanted a folder, a GGUF file, a bundle, point, or a name "
        "in "}},
      {"run --bogus", {"--bogus"}},
      {model, {"the prompt is empty", "wanted a prompt"}},
      {model + " ' '", {"the prompt is empty", "wanted a prompt"}},
      {model + " --context 3 hello", {"does not fit", "wanted at most 3 tokens"}},
      {model + " --context -1 hello", {"context", "wanted 1 to 4096", "found -1"}},
      {model + " --threads -1 hello", {"--threads", "-1", "1 to 1024"}},
      {model + " --threads 0 hello", {"--threads", "0", "1 to 1024"}},
      {model + " --cache q4_0 hello", {"--cache", "q4_0"}},
      {model + " --kernels none hello", {"kernels", "wanted ", "found none"}},
      {model + " --max-tokens -1 hello", {"--max-tokens", "-1"}},
      {model + " --seed -1 hello", {"--seed", "-1"}},
      {model + " --temperature nan hello", {"temperature", "wanted 0 to 100", "found nan"}},
      {model + " --top-p 0 hello", {"top_p", "wanted above 0", "found 0"}},
      {model + " --logit-bias 5 hello", {"--logit-bias", "wanted ID=BIAS", "found 5"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.arguments);
    const Ran ran = RunCarat(c.arguments);
    EXPECT_EQ(ran.code, 2);
    EXPECT_EQ(ran.out, "");
    for (const std::string_view part : c.says) ExpectHas(ran.err, {part});
  }
}

TEST(CliRun, FullOutputIsAnError) {
  const std::string command = "run --model " + Fixture() + " --max-tokens 3" + Endless() + " hi";
  for (const char* more : {" >/dev/full", " --json >/dev/full", " >&-"}) {
    SCOPED_TRACE(more);
    const Ran ran = RunCarat(command + more);
    EXPECT_EQ(ran.code, 2);
    ExpectHas(ran.err, {"carat: standard output: cannot write"});
  }
}

TEST(CliRun, ClosedErrorOutputChangesNothing) {
  const std::string command =
      "run --model " + Fixture() + " --max-tokens 3 --logit-bias 347=100 hi";
  for (const char* stream : {" 2>&-", " 2>/dev/full"}) {
    SCOPED_TRACE(stream);
    const Ran ran = RunCarat(command + stream);
    EXPECT_EQ(ran.code, 0);
    EXPECT_EQ(ran.out, "aaa\n");
    EXPECT_EQ(RunCarat(std::string("run --model /nowhere hi") + stream).code, 2);
  }
}

TEST(CliRun, TheOnlyModelOfTheFolderIsTheDefault) {
  const TempFolder data;
  const std::filesystem::path models = data / "carat/models";
  const std::string environment = "XDG_DATA_HOME=" + data.path().string();
  const std::string command = "run --max-tokens 3 --logit-bias 347=100 hi";
  std::filesystem::create_directories(models);  // none at all: cli_point_test.cc
  std::filesystem::create_directory_symlink(Fixture(), models / "first");
  WriteText(models / "notes.txt", "no model\n");  // what is no model is passed over
  const Ran one = RunCarat(command, environment);
  EXPECT_EQ(one.code, 0);
  EXPECT_EQ(one.out, "aaa\n");
  ExpectHas(one.err, {(models / "first").string()});

  std::filesystem::create_directory_symlink(Fixture(), models / "second");
  const Ran two = RunCarat(command, environment);
  EXPECT_EQ(two.code, 2);
  EXPECT_EQ(two.out, "");
  ExpectHas(two.err, {models.string(), "holds several", "found first, second"});
  EXPECT_EQ(RunCarat(command + " --model second", environment).out, "aaa\n");
}

}  // namespace
}  // namespace carat
