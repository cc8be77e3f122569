#include "engine/model_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

Result<LoadedModel> Load(const std::filesystem::path& path) {
  CARAT_ASSIGN(ModelFiles files, OpenModelFiles(path));
  return LoadTextModel(std::move(files));
}

// A copy of the complete small folder, of which each test spoils something.
class ModelFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const auto& file :
         std::filesystem::directory_iterator(SourceDir() / "tests/fixtures/tiny")) {
      std::filesystem::copy(file.path(), folder_ / file.path().filename());
    }
  }
  void Write(const std::string& name, std::string_view text) {
    ASSERT_OK(WriteFileAtomic(folder_ / name, AsBytes(text)));
  }
  // Exchanges one part of a text file.
  void Edit(const std::string& name, std::string_view from, std::string_view to) {
    std::string text = MustRead(folder_ / name);
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    Write(name, text.replace(at, from.size(), to));
  }
  void Remove(const std::string& name) { std::filesystem::remove_all(folder_ / name); }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  Result<LoadedModel> LoadFolder() const { return Load(folder_.path()); }
  const TempFolder folder_;
};

TEST_F(ModelFolderTest, LoadsWhole) {
  ASSERT_VALUE(const LoadedModel model, LoadFolder());
  EXPECT_EQ(model.files.kind, FileKind::kText);
  EXPECT_EQ(model.files.architecture, "gemma4_unified");
  EXPECT_EQ(model.config.hidden, 48);
  EXPECT_EQ(model.weights.layers.size(), 6u);
  ASSERT_TRUE(model.tokenizer.has_value());
  EXPECT_EQ(model.defaults.stop, (std::vector<TokenId>{1, 16, 9}));
  EXPECT_EQ(model.defaults.suppressed, (std::vector<TokenId>{22, 21}));
  EXPECT_EQ(model.files.chat_template, MustRead(folder_ / "chat_template.jinja"));
  EXPECT_TRUE(model.warnings.empty());
}

TEST_F(ModelFolderTest, WhatAFolderMayLack) {
  Remove("tokenizer.json");
  Remove("generation_config.json");
  Remove("processor_config.json");
  Remove("chat_template.jinja");
  ASSERT_VALUE(const LoadedModel model, LoadFolder());
  EXPECT_FALSE(model.tokenizer.has_value());
  EXPECT_TRUE(model.defaults.stop.empty());
  Write("tokenizer_config.json", R"({"chat_template": "{{ old }}"})");
  EXPECT_EQ(OpenModelFiles(folder_.path())->chat_template, "{{ old }}");
  Remove("tokenizer_config.json");
  EXPECT_EQ(OpenModelFiles(folder_.path())->chat_template, "");
}

TEST_F(ModelFolderTest, WhatItMustHave) {
  Remove("model.safetensors");
  ExpectError(LoadFolder(), {Path("model.safetensors"), "No such file"});
  Remove("config.json");
  ExpectError(LoadFolder(), {folder_.path().string(), "not a model folder: it has no config.json"});
  EXPECT_EQ(LoadFolder().error().code, ErrorCode::kNotFound);
}

TEST_F(ModelFolderTest, BrokenFilesAreNamed) {
  for (const char* name :
       {"processor_config.json", "generation_config.json", "tokenizer.json", "config.json"}) {
    const std::string before = MustRead(folder_ / name);
    Write(name, "{\"a\": ");
    ExpectError(LoadFolder(), {Path(name), "offset 6", "not valid JSON"});
    Remove(name);
    std::filesystem::create_directory(folder_ / name);
    ExpectError(LoadFolder(), {Path(name), "found a directory"});
    Remove(name);
    Write(name, before);
  }
  EXPECT_TRUE(LoadFolder().has_value());
  Write("config.json", "[]");
  ExpectError(LoadFolder(), {Path("config.json"), "wanted an object"});
  Write("config.json", "{}");
  ExpectError(LoadFolder(), {Path("config.json"), "model_type", "missing"});
}

TEST_F(ModelFolderTest, OtherArchitecturesAreRefusedAtOpening) {
  Remove("model.safetensors");  // it is not even looked at
  Edit("config.json", "\"gemma4_unified\"", "\"gemma3\"");
  ExpectError(OpenModelFiles(folder_.path()),
              {Path("config.json"), "another generation of Gemma", "found gemma3"});
}

TEST_F(ModelFolderTest, ADrafterIsNoTextModel) {
  Edit("config.json", "\"gemma4_unified\"", "\"gemma4_unified_assistant\"");
  ASSERT_VALUE(ModelFiles files, OpenModelFiles(folder_.path()));
  EXPECT_EQ(files.kind, FileKind::kDrafter);
  ExpectError(LoadTextModel(std::move(files)),
              {folder_.path().string(), "holds no text model", "found drafter"});
}

TEST_F(ModelFolderTest, ErrorsOfTheConfigNameFileAndField) {
  Edit("config.json", "\"hidden_size\": 48", "\"hidden_size\": \"48\"");
  ExpectError(LoadFolder(), {folder_.path().string(), "text_config.hidden_size", "found \"48\""});
  Edit("config.json", "\"hidden_size\": \"48\"", "\"hidden_size\": 40");
  ExpectError(LoadFolder(), {folder_.path().string(), "embed_tokens.weight",
                             "wanted [1024, 40], found [1024, 48]"});
}

TEST_F(ModelFolderTest, ErrorsOfTheDefaultsNameTheFile) {
  Write("generation_config.json", R"({"top_p": 7})");
  ExpectError(LoadFolder(), {Path("generation_config.json"), "top_p", "found 7"});
}

// 280 tokens and `more`, with a model of 300.
GgufWriter WithVocabulary(const std::vector<std::string>& more = {}) {
  GgufWriter writer = SmallModel();
  AddVocabulary(MakeSmallVocabulary(more), writer);
  return writer;
}

class ModelGgufTest : public testing::Test {
 protected:
  std::filesystem::path Write(const GgufWriter& writer) {
    EXPECT_TRUE(WriteFileAtomic(folder_ / "m.gguf", AsBytes(writer.Build())).has_value());
    return folder_ / "m.gguf";
  }
  Result<LoadedModel> LoadFile(const GgufWriter& writer) { return Load(Write(writer)); }
  const TempFolder folder_;
};

TEST_F(ModelGgufTest, LoadsWhole) {
  ASSERT_VALUE(const LoadedModel model, LoadFile(WithVocabulary()));
  EXPECT_EQ(model.files.architecture, "gemma4");
  EXPECT_EQ(model.files.chat_template, "{{ messages }}");
  ASSERT_TRUE(model.tokenizer.has_value());
  EXPECT_EQ(model.tokenizer->size(), 280u);
  EXPECT_TRUE(
      model.tokenizer->IsSpecial(model.tokenizer->special().video));  // typed NORMAL in the file
  EXPECT_EQ(model.defaults.top_k, 40);
  EXPECT_EQ(model.defaults.stop, (std::vector<TokenId>{1, 16, 9}));
}

TEST_F(ModelGgufTest, WithoutATokenizer) {
  ASSERT_VALUE(const LoadedModel model, LoadFile(SmallModel()));
  EXPECT_FALSE(model.tokenizer.has_value());
  EXPECT_EQ(model.files.chat_template, "");
}

TEST_F(ModelGgufTest, ATokenizerThatIsBiggerThanTheModel) {
  std::vector<std::string> more;
  for (int i = 0; i < 20; ++i) more.push_back("word" + std::to_string(i));
  EXPECT_TRUE(LoadFile(WithVocabulary(more)).has_value());
  more.emplace_back("one too many");
  ExpectError(LoadFile(WithVocabulary(more)),
              {"m.gguf", "the tokenizer has more tokens than the model", "wanted at most 300",
               "found 301"});
}

TEST_F(ModelGgufTest, BrokenTokenizers) {
  ExpectError(LoadFile(WithVocabulary().String("tokenizer.ggml.model", "gpt2")),
              {"m.gguf", "tokenizer.ggml.model", "wanted gemma4, found gpt2"});
  ExpectError(LoadFile(WithVocabulary().Remove("tokenizer.ggml.model")),
              {"tokenizer.ggml.model", "missing"});
  ExpectError(LoadFile(WithVocabulary().Remove("tokenizer.ggml.merges")),
              {"m.gguf, tokenizer.ggml.merges", "an array of strings"});
  ExpectError(LoadFile(WithVocabulary().I32s("tokenizer.ggml.tokens", {1})),
              "tokenizer.ggml.tokens");
  ExpectError(LoadFile(WithVocabulary().I32s("tokenizer.ggml.token_type", {1, 2})),
              {"tokenizer.ggml.token_type", "280 integers", "found 2 numbers"});
  for (const char* merge : {"", "a", "ab", "a ", " a"}) {
    ExpectError(LoadFile(WithVocabulary().Strings("tokenizer.ggml.merges", {"a b", merge})),
                {"tokenizer.ggml.merges[1]", "a merge is not two texts", "wanted \"left right\""});
  }
  EXPECT_TRUE(
      LoadFile(WithVocabulary().Strings("tokenizer.ggml.merges", {"  a", "\n \n"})).has_value());
  ExpectError(LoadFile(WithVocabulary().U32("tokenizer.chat_template", 7)),
              {"m.gguf", "tokenizer.chat_template", "wanted a string, found 7"});
}

TEST_F(ModelGgufTest, KindsOfFiles) {
  struct Case {
    const char* architecture;
    FileKind kind;
    const char* name;
  };
  for (const Case& c : {Case{"gemma4-assistant", FileKind::kDrafter, "drafter"},
                        {"gemma4_assistant", FileKind::kDrafter, "drafter"},
                        {"clip", FileKind::kEmbedders, "vision and audio embedders"}}) {
    ASSERT_VALUE(
        ModelFiles files,
        OpenModelFiles(Write(SmallModel().String("general.architecture", c.architecture))));
    EXPECT_EQ(files.kind, c.kind);
    EXPECT_EQ(FileKindName(files.kind), c.name);
    ExpectError(LoadTextModel(std::move(files)), {"m.gguf", "holds no text model", c.name});
  }
  ExpectError(OpenModelFiles(Write(SmallModel().String("general.architecture", "llama"))),
              {"m.gguf", "this architecture is not run", "found llama"});
  ExpectError(OpenModelFiles(Write(SmallModel().Remove("general.architecture"))),
              {"m.gguf", "general.architecture", "missing"});
}

TEST_F(ModelGgufTest, ErrorsNameTheFile) {
  ExpectError(LoadFile(SmallModel().Remove("gemma4.block_count")),
              {"m.gguf, gemma4.block_count", "missing"});
  ExpectError(LoadFile(SmallModel().RemoveTensor("blk.1.attn_k.weight")),
              {"m.gguf, blk.1.attn_k.weight", "missing"});
  ExpectError(LoadFile(SmallModel().F32("general.sampling.top_p", 7)),
              {"m.gguf", "top_p", "found 7"});
}

TEST(OpenModelFiles, NoSuchFile) {
  const TempFolder folder;
  ExpectError(OpenModelFiles(folder / "none.gguf"),
              {(folder / "none.gguf").string(), "No such file"});
  EXPECT_EQ(OpenModelFiles(folder / "none.gguf").error().code, ErrorCode::kNotFound);
  ExpectError(OpenModelFiles(SourceDir() / "tests/fixtures/tiny/model.safetensors"),
              "a safetensors file alone is no model");
}

}  // namespace
}  // namespace carat
