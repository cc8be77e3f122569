// `carat inspect` from outside: what it prints, writes and returns.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "base/scoped_fd.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/npy.h"
#include "tests/support/run_carat.h"

namespace carat {
namespace {

constexpr std::string_view kMessages = R"([{"role": "user", "content": "hi"}])";

std::string LogitsOf(const std::string& ids) {
  return "inspect logits --model " + Golden("models/tiny6").string() + " --ids " +
         Golden("models/tiny6").string() + "/" + ids + ".ids.json ";
}

TEST(CliInspect, LogitsAreTheGoldenOnes) {
  const TempFolder folder;
  const std::string out = (folder / "logits.npy").string();
  const Ran ran = RunCarat(LogitsOf("len49") + "--rows all --reference --out " + out);
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out + ran.err, "");
  ASSERT_VALUE(const NpyFloats ours, ReadNpy(out));
  ASSERT_VALUE(const NpyFloats golden, ReadNpy(Golden("models/tiny6/len49.logits.npy")));
  ASSERT_EQ(ours.shape, golden.shape);
  for (size_t i = 0; i < golden.values.size(); ++i)
    ASSERT_NEAR(ours.values[i], golden.values[i], 1e-3);
}

TEST(CliInspect, TheLastRowIsTheLastOfAllRows) {
  const TempFolder folder;
  for (const char* ids : {"len1", "len49", "len110"}) {
    for (const char* kernels : {"", "--reference "}) {
      SCOPED_TRACE(std::string(ids) + kernels);
      const std::string out = " --out " + (folder / "rows.npy").string();
      ASSERT_EQ(RunCarat(LogitsOf(ids) + kernels + "--rows all" + out).code, 0);
      const std::string all = MustRead(folder / "rows.npy");
      ASSERT_EQ(RunCarat(LogitsOf(ids) + kernels + "--rows last" + out).code, 0);
      const std::string last = MustRead(folder / "rows.npy");
      ASSERT_VALUE(const NpyFloats row, ReadNpy(folder / "rows.npy"));
      const size_t bytes = row.values.size() * sizeof(float);
      ASSERT_GT(bytes, 0u);
      ASSERT_GE(all.size(), bytes);
      EXPECT_TRUE(last.substr(last.size() - bytes) == all.substr(all.size() - bytes));
    }
  }
}

TEST(CliInspect, GreedyIdsAreTheGoldenOnes) {
  const TempFolder folder;
  for (const char* name : {"tiny6/len1", "tiny6/len110", "tiny12/len75", "tiny6f32/len11"}) {
    SCOPED_TRACE(name);
    const Json golden = MustParse(MustRead(Golden(std::string("models/") + name + ".greedy.json")));
    ASSERT_TRUE(golden.Find("prompt") != nullptr && golden.Find("new") != nullptr);
    WriteText(folder / "ids.json", golden.Find("prompt")->Dump());
    const Ran ran =
        RunCarat("inspect generate --greedy --ignore-stop --max-tokens 24 --model " +
                 Golden(std::string("models/") + name).parent_path().string() + " --ids " +
                 (folder / "ids.json").string() + " --out " + (folder / "new.json").string());
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(MustRead(folder / "new.json"), golden.Find("new")->Dump() + "\n");
  }
}

TEST(CliInspect, EmptyTextHasNoTokens) {
  const Ran ran = RunCarat("inspect tokens --json --text '' --model " + Fixture());
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(MustParse(ran.out).Dump(), R"({"ids": [], "pieces": []})");
  EXPECT_EQ(ran.err, "");
}

TEST(CliInspect, OptionsOfMessagesAreRefusedWithoutThem) {
  const TempFolder folder;
  WriteText(folder / "ids.json", "[2, 5]");
  WriteText(folder / "tools.json", "[]");
  const std::string out = (folder / "out").string();
  for (const char* command : {"logits", "generate"}) {
    for (const std::string& option :
         {std::string("--thinking"), std::string("--preserve-thinking"),
          std::string("--no-generation-prompt"), "--tools " + (folder / "tools.json").string()}) {
      SCOPED_TRACE(command + (" " + option));
      const Ran ran =
          RunCarat(std::string("inspect ") + command + " --model " + Fixture() + " --ids " +
                   (folder / "ids.json").string() + " --out " + out + " " + option);
      EXPECT_EQ(ran.code, 2);
      ExpectHas(ran.err, {option.substr(0, option.find(' ')), "requires --messages"});
      EXPECT_FALSE(std::filesystem::exists(out));
    }
  }
}

TEST(CliInspect, BadInputEndsWithCode2AndLeavesNoFile) {
  const TempFolder folder;
  WriteText(folder / "ids.json", "[2, 5]");
  WriteText(folder / "far.json", "[2, 512]");
  const std::string out = " --out " + (folder / "out").string();
  const std::string model = " --model " + Golden("models/tiny6").string();
  const std::string ids = model + " --ids " + (folder / "ids.json").string() + out;
  const struct {
    std::string arguments;
    std::vector<std::string_view> says;
  } cases[] = {
      {"file /", {"carat: /", "config.json"}},
      {"file /nowhere", {"carat: /nowhere", "No such file"}},
      {"logits" + model + out, {"prompt"}},  // no source of the prompt
      {"generate --max-tokens -1" + ids, {"--max-tokens", "-1"}},
      {"generate --seed -1" + ids, {"--seed", "-1"}},
      {"logits --rows some" + ids, {"--rows", "some"}},
      {"logits --ids " + (folder / "far.json").string() + model + out, {"512"}},
      {"logits --ids " + (folder / "none.json").string() + model + out, {"none.json"}},
      {"tokens --text hi" + model, {"no tokenizer"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.arguments);
    const Ran ran = RunCarat("inspect " + c.arguments);
    EXPECT_EQ(ran.code, 2);
    EXPECT_EQ(ran.out, "");
    for (const std::string_view part : c.says) ExpectHas(ran.err, {part});
    EXPECT_FALSE(std::filesystem::exists(folder / "out"));
  }
}

TEST(CliInspect, FullOutputIsAnError) {
  const TempFolder folder;
  WriteText(folder / "messages.json", kMessages);
  for (const std::string& command :
       {"file " + Fixture(), "file --json " + Fixture(),
        "prompt --model " + Fixture() + " --messages " + (folder / "messages.json").string(),
        "tokens --text hi --model " + Fixture()}) {
    SCOPED_TRACE(command);
    const Ran ran = RunCarat("inspect " + command + " >/dev/full");
    EXPECT_EQ(ran.code, 2);
    ExpectHas(ran.err, {"carat: standard output: cannot write: No space left on device"});
  }
}

TEST(CliInspect, OutFollowsALinkAndKeepsIt) {
  const TempFolder folder;
  ASSERT_EQ(RunCarat(LogitsOf("len11") + "--out " + (folder / "plain.npy").string()).code, 0);
  for (const char* name : {"there.npy", "missing.npy"}) {
    SCOPED_TRACE(name);
    if (name == std::string("there.npy")) WriteText(folder / name, "old");
    const std::filesystem::path link = folder / (std::string("link to ") + name);
    std::filesystem::create_symlink(name, link);
    ASSERT_EQ(RunCarat(LogitsOf("len11") + "--out '" + link.string() + "'").code, 0);
    EXPECT_TRUE(std::filesystem::is_symlink(link));
    EXPECT_TRUE(MustRead(folder / name) == MustRead(folder / "plain.npy"));
  }
}

TEST(CliInspect, OutToStandardOutputKeepsWhatStandsThere) {
  const TempFolder folder;
  ASSERT_EQ(RunCarat(LogitsOf("len11") + "--out " + (folder / "plain.npy").string()).code, 0);
  WriteText(folder / "log", "kept");
  const Ran ran = RunCarat(LogitsOf("len11") + "--out /dev/stdout >>" + (folder / "log").string());
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(MustRead(folder / "log") == "kept" + MustRead(folder / "plain.npy"));
}

// Instead of /dev/null, which the mistake that is looked for would destroy if root ran the test.
TEST(CliInspect, OutGoesIntoAPipeAndKeepsIt) {
  const TempFolder folder;
  ASSERT_EQ(RunCarat(LogitsOf("len11") + "--out " + (folder / "plain.npy").string()).code, 0);
  const std::string plain = MustRead(folder / "plain.npy");
  const std::filesystem::path pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  // Open at both ends, it takes the whole row (a pipe holds 64 KiB) without a second program.
  const ScopedFd fd(::open(pipe.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(fd.valid());
  const Ran ran = RunCarat(LogitsOf("len11") + "--out " + pipe.string());
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  std::array<char, 1 << 16> bytes{};
  const ssize_t got = ::read(fd.get(), bytes.data(), bytes.size());
  ASSERT_GT(got, 0) << "nothing came through the pipe";
  EXPECT_TRUE(std::string_view(bytes.data(), static_cast<size_t>(got)) == plain);
}

TEST(CliInspect, KeywordsThatTheTemplateDropsAreWarnedOf) {
  const TempFolder folder;
  WriteText(folder / "messages.json", kMessages);
  WriteText(folder / "tools.json", R"([{"type": "function", "function": {"name": "f",
      "description": "d", "parameters": {"type": "object", "properties": {
      "n": {"type": "integer", "minimum": 1, "description": "x"}}}}}])");
  const std::string source = " --model " + Fixture() + " --messages " +
                             (folder / "messages.json").string() + " --tools " +
                             (folder / "tools.json").string();
  for (const std::string& command :
       {std::string("tokens"), std::string("prompt"), "logits --out " + (folder / "o").string()}) {
    SCOPED_TRACE(command);
    const Ran ran = RunCarat("inspect " + command + source);
    EXPECT_EQ(ran.code, 0);
    EXPECT_TRUE(ran.err.starts_with("carat: warning: ")) << ran.err;
    ExpectHas(ran.err, {"tools[0]", "properties.n.minimum"});
    EXPECT_EQ(std::ranges::count(ran.err, '\n'), 1) << ran.err;
    EXPECT_EQ(ran.out.find("warning"), std::string::npos);
  }
}

// No line begins as one of a forger, and nothing turns the direction of what follows.
void ExpectNothingForged(const std::string& text) {
  EXPECT_EQ(text.find("\nforged"), std::string::npos) << text;
  EXPECT_EQ(text.find("\u202E"), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
}

TEST(CliInspect, NamesInAFileCannotForgeLines) {
  const TempFolder folder;
  GgufWriter gguf = SmallModel();
  AddVocabulary(MakeSmallVocabulary({"piece\nforged", "piece\u202E"}), gguf);
  gguf.Floats("a\nforged", {1}, {1}).Floats("b\u202E\x1b[2J", {1}, {1});
  gguf.String("key\nforged", "value\nforged").String("other\u202E", "\u202E\x1b[2J");
  gguf.String("tokenizer.chat_template", "Published: \nforged\u202E");
  const std::string path = (folder / "forged\u202E.gguf").string();
  WriteText(path, gguf.Build());
  const Ran file = RunCarat("inspect file " + path);
  EXPECT_EQ(file.code, 0) << file.err;
  ExpectNothingForged("\n" + file.out + file.err);
  ExpectHas(file.out, {"a<U+000A>forged", "b<U+202E>", "key<U+000A>forged", "other<U+202E>"});
  const Ran json = RunCarat("inspect file --json " + path);
  ExpectNothingForged(json.out);
  ASSERT_NE(MustParse(json.out).Find("tensors"), nullptr);

  WriteText(folder / "ids.json", "[2]");
  const Ran warned =
      RunCarat("inspect logits --model " + path + " --ids " + (folder / "ids.json").string() +
               " --out " + (folder / "out").string());
  EXPECT_EQ(warned.code, 0) << warned.err;
  ExpectNothingForged("\n" + warned.err);
  ExpectHas(warned.err, {"carat: warning: unknown tensor ignored: a<U+000A>forged"});

  gguf.String("general.architecture", "x\nforged\u202E");
  WriteText(path, gguf.Build());
  const Ran refused = RunCarat("inspect file " + path);
  EXPECT_EQ(refused.code, 2);
  ExpectNothingForged("\n" + refused.err);
  EXPECT_EQ(std::ranges::count(refused.err, '\n'), 1) << refused.err;
}

}  // namespace
}  // namespace carat
