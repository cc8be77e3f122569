// Token ids against the tokenizers package (tests/golden/PROVENANCE.md), from tokenizer.json and
// from the keys of a GGUF file.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/utf8.h"
#include "engine/model_files.h"
#include "tests/support/files.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/temp_folder.h"
#include "tokenizer/tokenizer.h"

namespace carat {
namespace {

std::string FromBase64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(kDigits.find(c));
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes += static_cast<char>(static_cast<unsigned char>(bits >> held));
  }
  return bytes;
}

struct Case {
  std::string text;
  std::vector<TokenId> ids;    // added tokens recognised
  std::vector<TokenId> plain;  // their texts taken literally
};

std::vector<Case> ReadCases(const std::string& name) {
  std::vector<Case> cases;
  const std::string lines = MustRead(Golden("tokenizer") / name);
  for (size_t begin = 0; begin < lines.size();) {
    const size_t end = std::min(lines.find('\n', begin), lines.size());
    const Json json = MustParse(std::string_view(lines).substr(begin, end - begin));
    begin = end + 1;
    Case c;
    const Json *text = json.Find("text"), *plain = json.Find("plain");
    c.text = text != nullptr ? text->string() : FromBase64(json.Find("bytes")->string());
    c.ids = ToIds(*json.Find("ids"));
    c.plain = plain != nullptr ? ToIds(*plain) : c.ids;
    cases.push_back(std::move(c));
  }
  return cases;
}

void ExpectIds(const Tokenizer& tokenizer, const std::vector<Case>& cases) {
  for (size_t i = 0; i < cases.size(); ++i) {
    ASSERT_EQ(tokenizer.EncodeControl(cases[i].text), cases[i].ids)
        << "case " << i << ": " << cases[i].text;
    ASSERT_EQ(tokenizer.EncodeText(cases[i].text), cases[i].plain)
        << "case " << i << ": " << cases[i].text;
  }
}

// Text comes back, but for ill-formed bytes and U+2581, which is the space's own sign.
void ExpectRoundTrip(const Tokenizer& tokenizer, const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    std::string wanted = SanitizeUtf8(c.text);
    constexpr std::string_view kSpaceMark = "\xE2\x96\x81";
    for (size_t at = wanted.find(kSpaceMark); at != std::string::npos;
         at = wanted.find(kSpaceMark)) {
      wanted.replace(at, kSpaceMark.size(), " ");
    }
    ASSERT_EQ(tokenizer.Decode(c.plain), wanted);
  }
}

// The same vocabulary as a converter writes it into a GGUF file (gguf specification, 4.1).
void WriteGguf(const std::string& tokenizer_json, const std::filesystem::path& path) {
  const Json json = MustParse(tokenizer_json);
  const Json* model = json.Find("model");
  SmallVocabulary v;
  const Json::Object& vocab = model->Find("vocab")->object();
  v.tokens.resize(vocab.size());
  v.types.assign(vocab.size(), 1);
  for (const auto& [text, id] : vocab) {
    const auto at = static_cast<size_t>(id.integer());
    ASSERT_LT(at, v.tokens.size());
    v.tokens[at] = text;
    if (text.size() == 6 && text.starts_with("<0x") && text.ends_with(">")) v.types[at] = 6;
    if (std::ranges::find(kAddedTokens, text) != std::end(kAddedTokens))
      v.types[at] = AddedTokenType(text);
  }
  for (const Json& merge : model->Find("merges")->array()) {
    v.merges.push_back(merge.is_string()
                           ? merge.string()
                           : merge.array()[0].string() + " " + merge.array()[1].string());
  }
  GgufWriter writer;
  writer.String("general.architecture", "gemma4");
  AddVocabulary(v, writer);
  ASSERT_OK(WriteFileAtomic(path, AsBytes(writer.Build())));
}

Result<Tokenizer> FromGgufFile(const std::filesystem::path& path) {
  CARAT_ASSIGN(const ModelFiles files, OpenModelFiles(path));
  CARAT_ASSIGN(std::optional<Tokenizer> tokenizer, LoadTokenizer(files));
  return *std::move(tokenizer);
}

void ExpectGoldens(const std::filesystem::path& tokenizer_json, const std::string& cases_name,
                   size_t num_cases) {
  const std::string text = MustRead(tokenizer_json);
  const auto cases = ReadCases(cases_name);
  ASSERT_EQ(cases.size(), num_cases);
  ASSERT_VALUE(const Tokenizer from_json, Tokenizer::FromJson(text));
  ExpectIds(from_json, cases);
  ExpectRoundTrip(from_json, cases);
  const TempFolder folder;
  WriteGguf(text, folder / "vocabulary.gguf");
  ASSERT_VALUE(const Tokenizer from_gguf, FromGgufFile(folder / "vocabulary.gguf"));
  ASSERT_EQ(from_gguf.size(), from_json.size());
  ExpectIds(from_gguf, cases);
}

TEST(TokenizerGolden, SmallVocabulary) {
  ExpectGoldens(SourceDir() / "tests/fixtures/tiny/tokenizer.json", "tiny.jsonl", 300);
}

// The path of Gemma 4's vocabulary, or null.
const char* RealTokenizer() {
  const char* path = std::getenv("CARAT_TEST_TOKENIZER");
  return path != nullptr && *path != '\0' ? path : nullptr;
}
constexpr const char* kNoTokenizer =
    "CARAT_TEST_TOKENIZER names no tokenizer.json; `make test` fetches one where npm is installed";

TEST(TokenizerGolden, GemmaVocabulary) {
  const char* path = RealTokenizer();
  if (path == nullptr) GTEST_SKIP() << kNoTokenizer;
  ExpectGoldens(path, "cases.jsonl", 10'000);
}

// Published prompts of the 12B-it model (gemma4-12b specification, 9.3).
TEST(TokenizerGolden, PublishedPrompts) {
  const char* path = RealTokenizer();
  if (path == nullptr) GTEST_SKIP() << kNoTokenizer;
  ASSERT_VALUE(const Tokenizer t, Tokenizer::FromJson(MustRead(path)));
  EXPECT_EQ(
      t.EncodeControl(
          "<bos><|turn>user\nName three primary colors.<turn|>\n<|turn>model\n<|channel>thought\n"
          "<channel|>"),
      (std::vector<TokenId>{2, 105, 2364, 107, 1567, 1806, 5905, 7913, 236761, 106, 107, 105, 4368,
                            107, 100, 45518, 107, 101}));
  EXPECT_EQ(t.EncodeText(
                "Hello world! Caf\xC3\xA9 d\xC3\xA9j\xC3\xA0 vu \xE2\x80\x94 123 \xF0\x9F\x98\x8A"),
            (std::vector<TokenId>{9259, 1902, 236888, 62367, 29234, 11042, 2192, 236743, 236770,
                                  236778, 236800, 103453}));
}

std::string LikeEnglish(size_t size) {
  constexpr std::array kWords = {
      "the",    "ferry",         "leaves", "at",      "seven",         "but",
      "nobody", "told",          "cook",   "because", "understanding", "of",
      "and",    "international", "a",      "I",       "remarkable",    "42"};
  std::mt19937 rng(3);
  std::string text;
  while (text.size() < size) {
    text += kWords[rng() % kWords.size()];
    text += rng() % 12 == 0 ? ".\n" : " ";
  }
  return text;
}

std::string RandomUnicode(size_t size) {
  std::mt19937 rng(4);
  std::string text;
  while (text.size() < size) {
    // Not U+2581: it comes back as a space.
    if (const char32_t code = rng() % 0x110000; code != 0x2581) AppendUtf8(code, text);
  }
  return text;
}

// Not asserted, since it depends on the machine: each takes well below a second in a release build.
// What this test guards is that no text takes more than near-linear time, else it would not end.
TEST(TokenizerGolden, SpeedOfAMegabyte) {
  const char* real = RealTokenizer();
  const std::filesystem::path path = real != nullptr
                                         ? std::filesystem::path(real)
                                         : SourceDir() / "tests/fixtures/tiny/tokenizer.json";
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  };
  const std::string json = MustRead(path);
  const auto start = Clock::now();
  ASSERT_VALUE(const Tokenizer t, Tokenizer::FromJson(json));
  std::printf("  load: %.0f ms\n", since(start));
  constexpr size_t kSize = 1'000'000;
  for (const auto& [name, text] :
       {std::pair<const char*, std::string>{"English", LikeEnglish(kSize)},
        {"a", std::string(kSize, 'a')},
        {"space", std::string(kSize, ' ')},
        {"newline", std::string(kSize, '\n')},
        {"<", std::string(kSize, '<')},
        {"NUL", std::string(kSize, '\0')},
        {"Unicode", RandomUnicode(kSize)},
        {"ill-formed", std::string(kSize, '\xFF')}}) {
    const auto begin = Clock::now();
    const auto ids = t.EncodeText(text);
    std::printf("  1 MB of %s: %.0f ms, %zu tokens\n", name, since(begin), ids.size());
    EXPECT_TRUE(t.Decode(ids) == SanitizeUtf8(text)) << name;  // too long to print
  }
}

}  // namespace
}  // namespace carat
