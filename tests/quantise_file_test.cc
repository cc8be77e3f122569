// Whole quantised files against llama.cpp's (tests/golden/quantise, see PROVENANCE.md), and
// carat-point on its way through GGUF.
#include "convert/quantise_file.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "convert/gguf_source.h"
#include "convert/importance.h"
#include "io/digest.h"
#include "io/json.h"
#include "kernels/select.h"
#include "tests/support/files.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

std::filesystem::path Goldens() { return SourceDir() / "tests/golden/quantise"; }

Result<QuantiseReport> Quantise(const std::filesystem::path& in, const std::filesystem::path& out,
                                const QuantiseOptions& options) {
  CARAT_ASSIGN(const ModelFiles files, OpenModelFiles(in));
  CARAT_ASSIGN(GgufSource source,
               files.gguf ? SourceFromGguf(files) : SourceFromFolder(files, files.kind));
  ThreadPool pool(2);
  return QuantiseFile(pool, kernels::ReferenceTable(), std::move(source), options, out);
}

Json Cases() {
  const auto json = ParseJson(MustRead(Goldens() / "files.json"));
  EXPECT_TRUE(json.has_value());
  return *json;
}

std::string Text(const Json& json, std::string_view key) {
  const Json* value = json.Find(key);
  return value != nullptr && value->is_string() ? value->string() : "";
}

TEST(QuantiseFile, EqualsTheReferenceByteForByte) {
  const TempFolder folder;
  size_t compared = 0;
  const Json goldens = Cases();
  for (const Json& one : goldens.Find("cases")->array()) {
    const std::string target = Text(one, "target");
    const auto found = FindQuantTarget(target);
    ASSERT_TRUE(found) << target;
    QuantiseOptions options{.mix = {.target = *found}};
    std::optional<Importance> importance;
    if (const std::string name = Text(one, "importance"); !name.empty()) {
      auto read = ReadImportance(Goldens() / name);
      ASSERT_TRUE(read.has_value()) << read.error().Message();
      importance = *std::move(read);
      importance->file = name;  // as it was given to the reference
      options.importance = &*importance;
    }
    options.mix.pure = one.Find("pure") != nullptr && one.Find("pure")->boolean();
    if (const std::string type = Text(one, "token_embedding"); !type.empty())
      options.mix.token_embedding = Info(*FindQuantTarget(type)).base;
    const auto out = folder / "out.gguf";
    const auto done = Quantise(Goldens() / Text(one, "input"), out, options);
    const std::string what = one.Dump().substr(0, 160);
    ASSERT_TRUE(done.has_value()) << what << ": " << done.error().Message();
    const std::string bytes = MustRead(out);
    EXPECT_EQ(static_cast<int64_t>(bytes.size()), one.Find("bytes")->integer()) << what;
    EXPECT_EQ(Sha256Hex(AsBytes(bytes)), Text(one, "sha256")) << what;
    ++compared;
  }
  EXPECT_GE(compared, 100u);
}

TEST(QuantiseFile, RefusesWhatIsQuantised) {
  const TempFolder folder;
  const auto q4 = folder / "q4.gguf", out = folder / "out.gguf";
  ASSERT_TRUE(Quantise(Goldens() / "text_bf16.gguf", q4, {.mix = {.target = QuantTarget::kQ4_0}}));
  const auto refused = Quantise(q4, out, {.mix = {.target = QuantTarget::kQ8_0}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().Message().find("--allow-requantize"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(out));
  EXPECT_TRUE(
      Quantise(q4, out, {.mix = {.target = QuantTarget::kQ8_0}, .requantise = true}).has_value());
}

TEST(QuantiseFile, CancelledLeavesNothing) {
  const TempFolder folder;
  const auto out = folder / "out.gguf";
  const auto done = Quantise(Goldens() / "text_bf16.gguf", out,
                             {.mix = {.target = QuantTarget::kQ4_0},
                              .progress = [](uint64_t, uint64_t) { return false; }});
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(QuantiseFile, ImportanceOfAnotherModelIsAnError) {
  const TempFolder folder;
  Importance importance;
  importance.columns["blk.0.attn_q.weight"] = {1, 2, 3};
  const auto done = Quantise(Goldens() / "text_bf16.gguf", folder / "out.gguf",
                             {.mix = {.target = QuantTarget::kQ4_K_M}, .importance = &importance});
  ASSERT_FALSE(done.has_value());
  EXPECT_NE(done.error().Message().find("blk.0.attn_q.weight"), std::string::npos);
}

// The same numbers by way of a GGUF file: every tensor that carat-point's folder binds.
TEST(QuantiseFile, FolderToGgufKeepsEveryWeight) {
  const TempFolder folder;
  const auto point = SourceDir() / "models/point";
  for (const auto& [in, name] :
       {std::pair(point, "text.gguf"), {point / "assistant", "mtp.gguf"}}) {
    const auto out = folder / name;
    const auto done = Quantise(in, out, {.mix = {.target = QuantTarget::kBF16}});
    ASSERT_TRUE(done.has_value()) << done.error().Message();
    const auto files = OpenModelFiles(out);
    ASSERT_TRUE(files.has_value()) << files.error().Message();
    if (files->kind == FileKind::kDrafter) {
      EXPECT_TRUE(LoadDrafter(*files).has_value());
      continue;
    }
    const auto before = OpenModelFiles(in);
    auto a = LoadTextModel(std::move(*OpenModelFiles(in)));
    auto b = LoadTextModel(std::move(*OpenModelFiles(out)));
    ASSERT_TRUE(a.has_value() && b.has_value());
    EXPECT_EQ(a->config.is_global, b->config.is_global);
    EXPECT_EQ(a->config.vocab_size, b->config.vocab_size);
    EXPECT_EQ(a->config.image, b->config.image);
    EXPECT_EQ(a->defaults.temperature, b->defaults.temperature);
    EXPECT_EQ(a->defaults.suppressed, b->defaults.suppressed);
    ASSERT_TRUE(a->tokenizer && b->tokenizer);
    const std::string text = "Count from 3 to 9, in words.\n\nThank you!";
    EXPECT_EQ(a->tokenizer->EncodeText(text), b->tokenizer->EncodeText(text));
    for (size_t i = 0; i < a->weights.layers.size(); ++i) {
      const auto x = MatricesOf(a->weights.layers[i]), y = MatricesOf(b->weights.layers[i]);
      ASSERT_EQ(x.size(), y.size());
      for (size_t m = 0; m < x.size(); ++m) {
        ASSERT_EQ(x[m]->dtype, y[m]->dtype);
        EXPECT_EQ(std::memcmp(x[m]->data, y[m]->data, x[m]->rows * x[m]->row_bytes()), 0);
      }
    }
  }
}

TEST(Importance, BrokenFilesAreErrors) {
  const std::string good = MustRead(Goldens() / "importance.dat");
  ASSERT_TRUE(ParseOldImportance(AsBytes(good)).has_value());
  for (size_t size = 0; size < good.size(); size += 97) {
    const auto cut = ParseOldImportance(AsBytes(std::string_view(good).substr(0, size)));
    if (cut) {
      EXPECT_GT(cut->columns.size(), 0u);
    }
  }
  for (const std::string_view bad : {"", "\0\0\0\0", "\xff\xff\xff\x7f", "GGUF"})
    EXPECT_FALSE(ParseOldImportance(AsBytes(bad)).has_value());
}

}  // namespace
}  // namespace carat
