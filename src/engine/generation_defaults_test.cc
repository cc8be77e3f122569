#include "engine/generation_defaults.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/gguf_writer.h"

namespace carat {
namespace {

using Ids = std::vector<TokenId>;

TEST(DefaultsFromHuggingFace, ReadsTheFileOfThe12B) {
  ASSERT_VALUE(const GenerationDefaults d,
               DefaultsFromHuggingFace(R"({"bos_token_id": 2, "do_sample": true,
      "eos_token_id": [1, 106, 50], "pad_token_id": 0, "suppress_tokens": [258883, 258882],
      "temperature": 0.5, "top_k": 64, "top_p": 0.95, "transformers_version": "5.10.0.dev0"})",
                                       262144));
  EXPECT_EQ(d.temperature, 0.5);
  EXPECT_EQ(d.top_k, 64);
  EXPECT_EQ(d.top_p, 0.95);
  EXPECT_EQ(d.stop, (Ids{1, 106, 50}));
  EXPECT_EQ(d.suppressed, (Ids{258883, 258882}));
}

TEST(DefaultsFromHuggingFace, AbsentAndNullMembers) {
  for (const char* text :
       {"{}", R"({"do_sample": null, "temperature": null, "top_k": null, "top_p": null,
                                     "eos_token_id": null, "suppress_tokens": null})"}) {
    ASSERT_VALUE(const GenerationDefaults d, DefaultsFromHuggingFace(text, 10));
    EXPECT_EQ(d.temperature, 0.0);  // transformers' own default is not to sample
    EXPECT_TRUE(d.stop.empty());
    EXPECT_TRUE(d.suppressed.empty());
  }
}

TEST(DefaultsFromHuggingFace, OneIdOrAList) {
  EXPECT_EQ(DefaultsFromHuggingFace(R"({"eos_token_id": 7})", 10)->stop, Ids{7});
  EXPECT_EQ(DefaultsFromHuggingFace(R"({"eos_token_id": [7, 7, 3]})", 10)->stop, (Ids{7, 3}));
  // An id outside the vocabulary can never come.
  EXPECT_EQ(
      DefaultsFromHuggingFace(R"({"eos_token_id": [-1, 10, 9223372036854775807, 9]})", 10)->stop,
      Ids{9});
}

TEST(DefaultsFromHuggingFace, Errors) {
  struct Case {
    const char *text, *part;
  };
  for (const Case& c :
       {Case{"[]", "wanted an object, found an array"},
        {"{", "not valid JSON"},
        {R"({"do_sample": 1})", "do_sample: wrong value (wanted true or false, found 1)"},
        {R"({"temperature": "hot"})", "temperature: wrong value (wanted a number, found \"hot\")"},
        {R"({"temperature": -1})",
         "temperature: a sampling default is out of range (wanted 0 to 100"},
        {R"({"temperature": 101})", "found 101"},
        {R"({"top_p": 0})", "top_p: a sampling default is out of range (wanted above 0, at most 1"},
        {R"({"top_p": 1.5})", "found 1.5"},
        {R"({"top_k": -1})", "top_k: wrong value"},
        {R"({"top_k": 1.5})", "found 1.5"},
        {R"({"eos_token_id": "x"})", "eos_token_id: wrong value (wanted an id or a list of ids"},
        {R"({"eos_token_id": 1.5})", "eos_token_id"},
        {R"({"eos_token_id": [1, [2]]})",
         "eos_token_id[1]: wrong value (wanted an id, found an array)"},
        {R"({"suppress_tokens": [1, null]})", "suppress_tokens[1]"}}) {
    ExpectError(DefaultsFromHuggingFace(c.text, 10), c.part);
  }
}

Result<GenerationDefaults> FromGguf(const GgufWriter& writer,
                                    const Tokenizer* tokenizer = nullptr) {
  const std::string bytes = writer.Build();
  CARAT_ASSIGN(const Gguf gguf, Gguf::Parse(AsBytes(bytes)));
  return DefaultsFromGguf(gguf, 300, tokenizer);
}

Tokenizer MustMakeTokenizer(const std::vector<std::string>& more = {}) {
  const SmallVocabulary v = MakeSmallVocabulary(more);
  VocabularyParts parts;
  parts.pieces.assign(v.tokens.begin(), v.tokens.end());
  return Tokenizer::FromParts(parts).value();
}

TEST(DefaultsFromGguf, ReadsTheKeys) {
  GgufWriter writer = SmallModel();
  writer.U32("tokenizer.ggml.eos_token_id", 16).U32("tokenizer.ggml.eot_token_id", 1);
  writer.U32("tokenizer.ggml.eom_token_id", 16)
      .I32s("tokenizer.ggml.suppress_tokens", {22, -1, 300, 21});
  ASSERT_VALUE(const GenerationDefaults d, FromGguf(writer));
  EXPECT_EQ(d.temperature, 0.75);
  EXPECT_EQ(d.top_k, 40);
  EXPECT_EQ(d.top_p, 0.5);
  EXPECT_EQ(d.stop, (Ids{16, 1}));
  EXPECT_EQ(d.suppressed, (Ids{22, 21}));
}

TEST(DefaultsFromGguf, WithoutKeys) {
  const GgufWriter empty;
  ASSERT_VALUE(const GenerationDefaults bare, FromGguf(empty));
  EXPECT_EQ(bare.temperature, 1.0);
  EXPECT_EQ(bare.top_k, 64);
  EXPECT_EQ(bare.top_p, 0.95);
  EXPECT_TRUE(bare.stop.empty());
  EXPECT_TRUE(bare.suppressed.empty());
  const Tokenizer t = MustMakeTokenizer();
  EXPECT_EQ(FromGguf(empty, &t)->suppressed, (Ids{t.special().audio_end, t.special().image_end}));
  // An empty list is a list: nothing is suppressed then.
  EXPECT_TRUE(
      FromGguf(GgufWriter().I32s("tokenizer.ggml.suppress_tokens", {}), &t)->suppressed.empty());
}

TEST(DefaultsFromGguf, Errors) {
  const GgufWriter w;
  ExpectError(FromGguf(GgufWriter(w).F32("general.sampling.top_p", 2)), {"top_p", "found 2"});
  ExpectError(FromGguf(GgufWriter(w).F32("general.sampling.temp", -1)),
              {"temperature", "found -1"});
  ExpectError(FromGguf(GgufWriter(w).I32("general.sampling.top_k", -1)),
              {"general.sampling.top_k", "found -1"});
  ExpectError(FromGguf(GgufWriter(w).String("tokenizer.ggml.eos_token_id", "x")),
              "tokenizer.ggml.eos_token_id");
  ExpectError(FromGguf(GgufWriter(w).U32("tokenizer.ggml.suppress_tokens", 1)),
              "an array of integers");
}

TEST(AddModelStops, AlwaysTheThree) {
  const Tokenizer t = MustMakeTokenizer();
  GenerationDefaults d;
  d.stop = {5, t.special().eos};
  AddModelStops(t, d);
  EXPECT_EQ(d.stop, (Ids{5, t.special().eos, t.special().turn_end, t.special().tool_response}));
}

TEST(ReservedInConversation, MediaMarkersTurnsAndUnused) {
  const Tokenizer t = MustMakeTokenizer({"<unused0>", "<unused99>", "unused", "<unused"});
  const Ids reserved = ReservedInConversation(t, static_cast<int64_t>(t.size()) + 2);
  const auto holds = [&](std::string_view text) {
    return std::ranges::find(reserved, t.Find(text).value()) != reserved.end();
  };
  for (const char* text :
       {"<pad>", "<bos>", "<unk>", "<|turn>", "<|image|>", "<|audio|>", "<|video|>", "<image|>",
        "<|think|>", "<|tool>", "<unused0>", "<unused99>"}) {
    EXPECT_TRUE(holds(text)) << text;
  }
  for (const size_t beyond : {t.size(), t.size() + 1})  // ids of the model without a text
    EXPECT_NE(std::ranges::find(reserved, static_cast<TokenId>(beyond)), reserved.end());
  // What an answer is made of, and what ends it.
  for (const char* text :
       {"<eos>", "<turn|>", "<|tool_response>", "<|channel>", "<channel|>", "<|tool_call>",
        "<tool_call|>", "<|\"|>", "unused", "<unused", "<0x41>"}) {
    EXPECT_FALSE(holds(text)) << text;
  }
}

}  // namespace
}  // namespace carat
