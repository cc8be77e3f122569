#include "tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "io/json.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/gguf_writer.h"

namespace carat {
namespace {

constexpr const char* kSpace = "\xE2\x96\x81";  // U+2581

SmallVocabulary Vocabulary() {
  const std::string s = kSpace;
  SmallVocabulary v =
      MakeSmallVocabulary({"a", "b", "c", s, "\n", "<", "|", ">", "\xC3\xA9", "ab", s + "a",
                           s + "ab", "abc", "<|", "p", "d", "<p", "ad>", "ad"});
  v.merges = {"a b", s + " ab", "ab c", "< |", "< p", "a d", "ad >", "<p ad>"};
  return v;
}

// The vocabulary as tokenizer.json, of which each test spoils one thing.
Json ToJson(const SmallVocabulary& v) {
  Json vocab{Json::Object()}, merges{Json::Array()}, added{Json::Array()};
  for (size_t id = 0; id < v.tokens.size(); ++id) {
    vocab.object().emplace_back(v.tokens[id], Json(id));
    if (id >= std::size(kAddedTokens)) continue;
    Json token;
    token.Set("id", Json(id));
    token.Set("content", Json(v.tokens[id]));
    token.Set("special", Json(true));
    added.array().push_back(token);
  }
  for (const std::string& merge : v.merges) merges.array().emplace_back(merge);
  Json json = MustParse(
      R"({"normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
    "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious"},
    "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
                {"type": "ByteFallback"}, {"type": "Fuse"}]},
    "model": {"type": "BPE", "byte_fallback": true, "dropout": null, "unk_token": "<unk>"}})");
  json.Set("added_tokens", added);
  Json model = *json.Find("model");
  model.Set("vocab", vocab);
  model.Set("merges", merges);
  json.Set("model", model);
  return json;
}
Result<Tokenizer> FromJson(const Json& json) { return Tokenizer::FromJson(json.Dump()); }

VocabularyParts ToParts(const SmallVocabulary& v) {
  VocabularyParts parts;
  parts.pieces.assign(v.tokens.begin(), v.tokens.end());
  for (const std::string_view merge : v.merges) {
    const size_t cut = merge.find(' ', 1);
    parts.merges.push_back({merge.substr(0, cut), merge.substr(cut + 1)});
  }
  return parts;
}

class TokenizerTest : public testing::Test {
 protected:
  std::vector<std::string> Pieces(const std::vector<TokenId>& ids) const {
    std::vector<std::string> pieces;
    for (const TokenId id : ids) pieces.emplace_back(tokenizer_->Piece(id));
    return pieces;
  }
  using Texts = std::vector<std::string>;
  const SmallVocabulary vocabulary_ = Vocabulary();
  const Result<Tokenizer> tokenizer_ = FromJson(ToJson(vocabulary_));
};

TEST_F(TokenizerTest, Encodes) {
  ASSERT_TRUE(tokenizer_.has_value()) << tokenizer_.error().Message();
  const std::string s = kSpace;
  EXPECT_EQ(Pieces(tokenizer_->EncodeText("")), Texts{});
  EXPECT_EQ(Pieces(tokenizer_->EncodeText("abc")), Texts{"abc"});
  EXPECT_EQ(Pieces(tokenizer_->EncodeText("a b ab")), (Texts{"a", s, "b", s + "ab"}));
  EXPECT_EQ(Pieces(tokenizer_->EncodeText("a" + s + "b")), (Texts{"a", s, "b"}));
  EXPECT_EQ(Pieces(tokenizer_->EncodeText("\xC3\xA9z")), (Texts{"\xC3\xA9", "<0x7A>"}));
  EXPECT_EQ(Pieces(tokenizer_->EncodeText("\xE2\x82\xAC")), (Texts{"<0xE2>", "<0x82>", "<0xAC>"}));
  EXPECT_EQ(Pieces(tokenizer_->EncodeText("a\xFF")), (Texts{"a", "<0xEF>", "<0xBF>", "<0xBD>"}));
  EXPECT_EQ(Pieces(tokenizer_->EncodeText(std::string("\0", 1))), Texts{"<0x00>"});
}

TEST_F(TokenizerTest, SpecialTokensOnlyOutsideLiteralText) {
  const std::string text = "a<bos>a<bos>a";
  const TokenId bos = tokenizer_->special().bos;
  const auto count = [&](std::vector<TextRange> literal) {
    return std::ranges::count(tokenizer_->Encode(text, literal), bos);
  };
  EXPECT_EQ(count({}), 2);
  EXPECT_EQ(count({{0, text.size()}}), 0);
  EXPECT_EQ(count({{1, 6}}), 1);
  EXPECT_EQ(count({{0, 1}}), 2);
  EXPECT_EQ(count({{6, 7}}), 2);  // between the two
  EXPECT_EQ(count({{0, 2}}), 1);  // touches the first's beginning
  EXPECT_EQ(count({{5, 7}}), 1);  // the first's end
  EXPECT_EQ(count({{3, 4}}), 1);  // its middle
  EXPECT_EQ(count({{0, 2}, {11, 13}}), 0);
  EXPECT_EQ(Pieces(tokenizer_->Encode("<pad>", {})), Texts{"<pad>"});
}

// The merges of Vocabulary() spell "<pad>": plain text must not become the token all the same.
TEST_F(TokenizerTest, NoMergeMakesASpecialToken) {
  EXPECT_EQ(Pieces(tokenizer_->EncodeText("<pad>")), (Texts{"<p", "ad>"}));
  for (const std::string_view added : kAddedTokens) {
    const std::string text(added);
    for (const TokenId id : tokenizer_->EncodeText("x" + text + text))
      EXPECT_FALSE(tokenizer_->IsSpecial(id)) << text;
    ASSERT_EQ(tokenizer_->EncodeControl(text).size(), 1u);
    EXPECT_TRUE(tokenizer_->IsSpecial(tokenizer_->EncodeControl(text)[0]));
    EXPECT_EQ(tokenizer_->Decode(tokenizer_->EncodeText(text)), text);
  }
}

TEST_F(TokenizerTest, TheLongestAddedTokenWins) {
  EXPECT_EQ(Pieces(tokenizer_->EncodeControl("<|image><|image|><image|>")),
            (Texts{"<|image>", "<|image|>", "<image|>"}));
  EXPECT_EQ(Pieces(tokenizer_->EncodeControl("<<bos>>")), (Texts{"<", "<bos>", ">"}));
}

TEST_F(TokenizerTest, Names) {
  EXPECT_EQ(tokenizer_->size(), vocabulary_.tokens.size());
  EXPECT_EQ(tokenizer_->Find("abc"), TokenId{292});
  EXPECT_EQ(tokenizer_->Find("nowhere"), std::nullopt);
  EXPECT_EQ(tokenizer_->Find(""), std::nullopt);
  EXPECT_EQ(tokenizer_->TokenBytes(*tokenizer_->Find(std::string(kSpace) + "ab")), " ab");
  EXPECT_EQ(tokenizer_->TokenBytes(*tokenizer_->Find("<0xFF>")), "\xFF");
  EXPECT_EQ(tokenizer_->TokenBytes(tokenizer_->special().turn), "<|turn>");
  EXPECT_FALSE(tokenizer_->IsSpecial(-1));
  EXPECT_FALSE(tokenizer_->IsSpecial(1 << 30));
  EXPECT_EQ(tokenizer_->special().video, 23);
  const std::vector<TokenId> cut = {*tokenizer_->Find("<0xE2>"), *tokenizer_->Find("a"),
                                    *tokenizer_->Find("<0xC3>"), *tokenizer_->Find("<0xA9>")};
  EXPECT_EQ(tokenizer_->Decode(cut), "\uFFFDa\xC3\xA9");
}

TEST_F(TokenizerTest, PartsSayTheSameAsJson) {
  VocabularyParts parts = ToParts(vocabulary_);
  for (const bool with_kinds : {false, true}) {
    if (with_kinds) parts.kinds.assign(parts.pieces.size(), VocabularyParts::Kind::kNormal);
    ASSERT_VALUE(const Tokenizer other, Tokenizer::FromParts(parts));
    for (const char* text : {"a b ab", "<bos>abc<|video|>", "\xFF\xE2\x82\xAC zz"}) {
      EXPECT_EQ(other.EncodeControl(text), tokenizer_->EncodeControl(text));
      EXPECT_EQ(other.EncodeText(text), tokenizer_->EncodeText(text));
    }
  }
}

TEST_F(TokenizerTest, KindsOfTheFile) {
  VocabularyParts parts = ToParts(vocabulary_);
  parts.kinds.assign(parts.pieces.size(), VocabularyParts::Kind::kNormal);
  parts.kinds[static_cast<size_t>(*tokenizer_->Find("ab"))] = VocabularyParts::Kind::kUserDefined;
  parts.kinds[static_cast<size_t>(*tokenizer_->Find("ad"))] = VocabularyParts::Kind::kSpecial;
  ASSERT_VALUE(const Tokenizer t, Tokenizer::FromParts(parts));
  EXPECT_EQ(t.EncodeText("abc"),
            (std::vector<TokenId>{*t.Find("ab"), *t.Find("c")}));  // cut out anywhere
  EXPECT_FALSE(t.IsSpecial(*t.Find("ab")));
  EXPECT_EQ(t.EncodeControl("ad"), std::vector<TokenId>{*t.Find("ad")});
  EXPECT_EQ(t.EncodeText("ad"), (std::vector<TokenId>{*t.Find("a"), *t.Find("d")}));
}

TEST_F(TokenizerTest, MergesOutsideTheVocabularyAreDropped) {
  SmallVocabulary v = vocabulary_;
  v.merges.insert(v.merges.begin(), {"b c", "a x", "x y"});
  ASSERT_VALUE(const Tokenizer t, FromJson(ToJson(v)));
  EXPECT_EQ(t.EncodeText("abc"), tokenizer_->EncodeText("abc"));
}

TEST_F(TokenizerTest, BadParts) {
  const auto with = [&](auto change) {
    VocabularyParts parts = ToParts(vocabulary_);
    change(parts);
    return Tokenizer::FromParts(parts);
  };
  ExpectError(Tokenizer::FromParts({}), {"vocabulary size out of range", "found 0"});
  ExpectError(with([](auto& p) { p.kinds.resize(3); }),
              {"token types and tokens differ in number", "found 3"});
  ExpectError(with([](auto& p) { p.pieces[290] = "a"; }),
              {"two tokens have the same text", "token 290", "found \"a\""});
  ExpectError(with([](auto& p) { p.pieces[24 + 0x41] = "A"; }),
              {"lacks a byte token", "wanted <0x41>"});
  ExpectError(with([](auto& p) { p.pieces[290] = "\xC3"; }), {"not UTF-8", "token 290"});
  EXPECT_TRUE(with([](auto& p) { p.pieces[290] = p.pieces[291] = ""; }).has_value());  // holes
  EXPECT_TRUE(with([](auto& p) { p.merges.push_back({"", "a"}); }).has_value());
}

// One thing of the file is not Gemma's: refused with its place.
TEST_F(TokenizerTest, OtherFormsAreRefused) {
  struct Case {
    const char *stage, *value;
    std::initializer_list<std::string_view> parts;
  };
  const Case cases[] = {
      {"normalizer", "null", {"normalizer", "missing"}},
      {"normalizer",
       R"({"type": "NFKC"})",
       {"normalizer", "the replacement of \" \" by U+2581 alone", "NFKC"}},
      {"normalizer", R"({"type": "Sequence", "normalizers": []})", {"normalizer"}},
      {"normalizer",
       R"({"type": "Replace", "pattern": {"Regex": " "}, "content": "\u2581"})",
       {"normalizer"}},
      {"pre_tokenizer",
       R"({"type": "Metaspace"})",
       {"pre_tokenizer", "a split at \" \"", "Metaspace"}},
      {"pre_tokenizer", "[]", {"pre_tokenizer", "wanted an object"}},
      {"decoder",
       R"({"type": "ByteLevel"})",
       {"decoder", "Replace, ByteFallback and Fuse", "ByteLevel"}},
      {"decoder", R"({"type": "Sequence", "decoders": [{"type": "Strip"}]})", {"decoder", "Strip"}},
      {"added_tokens", "null", {"added_tokens", "missing"}},
      {"added_tokens", "[7]", {"added_tokens[0]", "wanted an object"}},
      {"added_tokens", R"([{"id": 99999, "content": "x"}])", {"added_tokens[0].id", "found 99999"}},
      {"added_tokens", R"([{"id": -1, "content": "x"}])", {"added_tokens[0].id", "found -1"}},
      {"added_tokens", R"([{"id": 0}])", {"added_tokens[0].content", "missing"}},
      {"added_tokens",
       R"([{"id": 0, "content": ""}])",
       {"added_tokens[0].content", "wanted a text"}},
      {"added_tokens",
       R"([{"id": 0, "content": "x", "lstrip": true}])",
       {"added_tokens[0].lstrip"}},
      {"added_tokens",
       R"([{"id": 0, "content": "x", "single_word": true}])",
       {"added_tokens[0].single_word"}},
      {"added_tokens",
       R"([{"id": 0, "content": "x"}, {"id": 0, "content": "y"}])",
       {"added_tokens[1]", "same id"}},
      {"model", "null", {"model", "missing"}},
  };
  for (const Case& c : cases) {
    Json json = ToJson(vocabulary_);
    json.Set(c.stage, MustParse(c.value));
    ExpectError(FromJson(json), c.parts);
  }
  const Case model_cases[] = {
      {"type", R"("Unigram")", {"model.type", "wanted BPE", "Unigram"}},
      {"byte_fallback", "false", {"model.byte_fallback", "wanted true"}},
      {"byte_fallback", "null", {"model.byte_fallback", "wanted true"}},
      {"dropout", "0.1", {"model.dropout", "found 0.1"}},
      {"ignore_merges", "true", {"model.ignore_merges"}},
      {"end_of_word_suffix", R"("</w>")", {"model.end_of_word_suffix", "</w>"}},
      {"continuing_subword_prefix", R"("##")", {"model.continuing_subword_prefix", "##"}},
      {"vocab", "null", {"model.vocab", "missing"}},
      {"vocab", "[]", {"model.vocab", "wanted an object"}},
      {"vocab", R"({"a": 99999})", {"model.vocab, \"a\"", "out of range", "found 99999"}},
      {"vocab", R"({"a": 0.5})", {"model.vocab, \"a\"", "found 0.5"}},
      {"vocab", R"({"a": 0, "b": 0})", {"model.vocab", "two tokens have the same id", "found 0"}},
      {"merges", "null", {"model.merges", "missing"}},
      {"merges", R"(["ab"])", {"model.merges[0]", "wanted \"left right\""}},
      {"merges", R"([["a", "b", "c"]])", {"model.merges[0]", "wanted two texts"}},
      {"merges", R"([["a", ""]])", {"model.merges[0]", "not empty"}},
      {"merges", R"(["a "])", {"model.merges[0]", "not empty"}},
      {"merges", R"([7])", {"model.merges[0]", "found 7"}},
  };
  for (const Case& c : model_cases) {
    Json json = ToJson(vocabulary_);
    Json model = *json.Find("model");
    model.Set(c.stage, MustParse(c.value));
    json.Set("model", model);
    ExpectError(FromJson(json), c.parts);
  }
  ExpectError(Tokenizer::FromJson("{"), "not valid JSON");
  ExpectError(Tokenizer::FromJson("[]"), "wanted an object");
}

TEST_F(TokenizerTest, FormsThatMeanTheSame) {
  Json json = ToJson(vocabulary_);
  json.Set("pre_tokenizer", Json());
  json.Set("decoder", Json());
  json.Set("normalizer", MustParse(R"({"type": "Sequence", "normalizers":
      [{"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]})"));
  Json model = *json.Find("model");
  Json pairs{Json::Array()};
  for (const std::string& merge : vocabulary_.merges) {
    const size_t cut = merge.find(' ', 1);
    pairs.array().emplace_back(Json::Array{merge.substr(0, cut), merge.substr(cut + 1)});
  }
  model.Set("merges", pairs);
  json.Set("model", model);
  ASSERT_VALUE(const Tokenizer t, FromJson(json));
  EXPECT_EQ(t.EncodeControl("a ab<bos>abc"), tokenizer_->EncodeControl("a ab<bos>abc"));
}

TEST_F(TokenizerTest, AddedTokensMayExtendTheVocabulary) {
  Json json = ToJson(vocabulary_);
  Json added = *json.Find("added_tokens");
  added.array().push_back(MustParse(R"({"id": 299, "content": "<new>", "special": true})"));
  json.Set("added_tokens", added);
  ASSERT_VALUE(const Tokenizer t, FromJson(json));
  EXPECT_EQ(t.size(), 300u);
  EXPECT_EQ(t.EncodeControl("<new>"), std::vector<TokenId>{299});
}

}  // namespace
}  // namespace carat
