// The program from outside: what it prints, writes and returns.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "tests/support/files.h"
#include "tests/support/npy.h"

namespace carat {
namespace {

struct Ran {
  int code = -1;
  std::string out;  // standard output
};

Ran RunCarat(const std::string& arguments) {
  Ran ran;
  FILE* pipe = ::popen(
      (std::string(CARAT_BINARY) + " " + arguments + " 2>/dev/null </dev/null").c_str(), "r");
  if (pipe == nullptr) return ran;
  char block[4096];
  for (size_t n = 0; (n = std::fread(block, 1, sizeof block, pipe)) > 0;) ran.out.append(block, n);
  const int status = ::pclose(pipe);
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

std::string Fixture() { return (SourceDir() / "tests/fixtures/tiny").string(); }

std::string Temporary(const std::string& name) {
  return (std::filesystem::path(::testing::TempDir()) / name).string();
}

TEST(Cli, LogitsAreTheGoldenOnes) {
  const std::string stem = Golden("models/tiny6/len49").string();
  const std::string out = Temporary("carat_cli_logits.npy");
  const Ran ran = RunCarat("inspect logits --model " + Golden("models/tiny6").string() + " --ids " +
                           stem + ".ids.json --rows all --reference --out " + out);
  ASSERT_EQ(ran.code, 0);
  ASSERT_VALUE(const NpyFloats ours, ReadNpy(out));
  ASSERT_VALUE(const NpyFloats golden, ReadNpy(stem + ".logits.npy"));
  ASSERT_EQ(ours.shape, golden.shape);
  for (size_t i = 0; i < golden.values.size(); ++i)
    ASSERT_NEAR(ours.values[i], golden.values[i], 1e-3);
}

TEST(Cli, RunWritesOnlyTheAnswerAndTheSameForTheSameSeed) {
  const std::string command = "run --model " + Fixture() + " --max-tokens 12 --seed 5 Hello";
  const Ran first = RunCarat(command);
  EXPECT_EQ(first.code, 0);
  EXPECT_FALSE(first.out.empty());
  EXPECT_EQ(first.out.find("tokens"), std::string::npos);
  EXPECT_EQ(RunCarat(command).out, first.out);
}

TEST(Cli, JsonEventsParse) {
  const Ran ran = RunCarat("run --model " + Fixture() + " --max-tokens 4 --json Hello");
  ASSERT_EQ(ran.code, 0);
  std::string last;
  for (size_t at = 0; at < ran.out.size();) {
    const size_t end = ran.out.find('\n', at);
    const Json event = MustParse(ran.out.substr(at, end - at));
    ASSERT_NE(event.Find("event"), nullptr);
    last = event.Find("event")->string();
    at = end + 1;
  }
  EXPECT_EQ(last, "done");
}

TEST(Cli, BadInputEndsWithCode2) {
  for (const std::string& arguments :
       {std::string("run --model /nowhere hi"), std::string("run --bogus"),
        std::string("inspect file /"),
        std::string("inspect logits --model ") + Fixture() + " --out x", "run --model " + Fixture(),
        "run --model " + Fixture() + " --context 3 hello",
        "run --model " + Fixture() + " --threads -1 hello"}) {
    EXPECT_EQ(RunCarat(arguments).code, 2) << arguments;
  }
}

}  // namespace
}  // namespace carat
