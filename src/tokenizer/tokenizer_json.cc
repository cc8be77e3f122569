// Tokenizer::FromJson: a Hugging Face tokenizer.json to VocabularyParts (gemma4-12b spec,
// section 9.1).
#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "io/json.h"
#include "tokenizer/tokenizer.h"

namespace carat {
namespace {

constexpr size_t kMaxValues = 4'000'000;  // Gemma's file has 1.8 million

std::unexpected<Error> NotGemma(std::string where, std::string wanted, const Json& found) {
  return Fail({.code = ErrorCode::kUnsupported,
               .what = "not a tokenizer of the Gemma form",
               .where = std::move(where),
               .wanted = std::move(wanted),
               .found = found.Dump().substr(0, 120)});
}

bool IsReplaceSpace(const Json& step) {
  const Json* type = step.Find("type");
  const Json* pattern = step.Find("pattern");
  const Json* content = step.Find("content");
  if (type == nullptr || pattern == nullptr || content == nullptr) return false;
  const Json* text = pattern->Find("String");
  return type->is_string() && type->string() == "Replace" && text != nullptr && text->is_string() &&
         text->string() == " " && content->is_string() && content->string() == "\xE2\x96\x81";
}

bool HasType(const Json& step, std::string_view wanted) {
  const Json* type = step.Find("type");
  return type != nullptr && type->is_string() && type->string() == wanted;
}

// The steps of a Sequence, or the one step that stands there.
std::vector<const Json*> Steps(const Json& stage, std::string_view list_name) {
  std::vector<const Json*> steps;
  if (const Json* list = stage.Find(list_name);
      HasType(stage, "Sequence") && list != nullptr && list->is_array()) {
    for (const Json& step : list->array()) steps.push_back(&step);
  } else {
    steps.push_back(&stage);
  }
  return steps;
}

// Everything around the vocabulary must be what Encode and Decode do; else ids would silently
// differ.
Status CheckStages(const JsonView& root) {
  CARAT_ASSIGN(const JsonView normalizer, root.Object("normalizer"));
  const auto steps = Steps(normalizer.value(), "normalizers");
  if (steps.size() != 1 || !IsReplaceSpace(*steps[0])) {
    return NotGemma("normalizer", "the replacement of \" \" by U+2581 alone", normalizer.value());
  }
  if (root.Has("pre_tokenizer")) {
    CARAT_ASSIGN(const JsonView splitter, root.Object("pre_tokenizer"));
    const Json* pattern = splitter.value().Find("pattern");
    const Json* text = pattern == nullptr ? nullptr : pattern->Find("String");
    // A split at spaces never matches, since none are left (section 9.1).
    if (!HasType(splitter.value(), "Split") || text == nullptr || !text->is_string() ||
        text->string() != " ") {
      return NotGemma("pre_tokenizer", "nothing, or a split at \" \"", splitter.value());
    }
  }
  if (root.Has("decoder")) {
    CARAT_ASSIGN(const JsonView decoder, root.Object("decoder"));
    for (const Json* step : Steps(decoder.value(), "decoders")) {
      if (!HasType(*step, "Replace") && !HasType(*step, "ByteFallback") &&
          !HasType(*step, "Fuse")) {
        return NotGemma("decoder", "Replace, ByteFallback and Fuse", *step);
      }
    }
  }
  return {};
}

Status CheckModel(const JsonView& model) {
  CARAT_ASSIGN(const std::string type, model.StringOr("type", "BPE"));
  if (type != "BPE") return NotGemma("model.type", "BPE", Json(type));
  CARAT_ASSIGN(const bool byte_fallback, model.BoolOr("byte_fallback", false));
  if (!byte_fallback) return NotGemma("model.byte_fallback", "true", Json(false));
  for (const std::string_view affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    CARAT_ASSIGN(const std::string text, model.StringOr(affix, ""));
    if (!text.empty()) return NotGemma("model." + std::string(affix), "none", Json(text));
  }
  if (model.Has("dropout"))
    return NotGemma("model.dropout", "none", *model.value().Find("dropout"));
  CARAT_ASSIGN(const bool ignore_merges, model.BoolOr("ignore_merges", false));
  if (ignore_merges) return NotGemma("model.ignore_merges", "false", Json(true));
  return {};
}

Status AddVocabulary(const JsonView& model, size_t capacity, VocabularyParts& parts) {
  CARAT_ASSIGN(const JsonView vocabulary, model.Object("vocab"));
  parts.pieces.resize(capacity);
  for (const auto& [piece, id] : vocabulary.value().object()) {
    if (!id.is_int() || id.integer() < 0 || static_cast<size_t>(id.integer()) >= capacity) {
      return Fail({.what = "token id out of range",
                   .where = "model.vocab, \"" + SanitizeUtf8(piece.substr(0, 40)) + '"',
                   .wanted = fmt::format("0 to {}", capacity - 1),
                   .found = id.Dump().substr(0, 40)});
    }
    std::string_view& slot = parts.pieces[static_cast<size_t>(id.integer())];
    if (!slot.empty()) {
      return Fail(
          {.what = "two tokens have the same id", .where = "model.vocab", .found = id.Dump()});
    }
    slot = piece;
  }
  return {};
}

Status AddAddedTokens(const JsonView& list, VocabularyParts& parts) {
  parts.kinds.assign(parts.pieces.size(), VocabularyParts::Kind::kNormal);
  for (size_t i = 0; i < list.value().array().size(); ++i) {
    const JsonView token = list.At(i);
    CARAT_ASSIGN(const int64_t id,
                 token.Int("id", 0, static_cast<int64_t>(parts.pieces.size()) - 1));
    CARAT_ASSIGN(const JsonView content, token.Get("content"));
    if (!content.value().is_string() || content.value().string().empty())
      return Fail(content.Wrong("a text"));
    for (const std::string_view flag : {"single_word", "lstrip", "rstrip"}) {
      CARAT_ASSIGN(const bool set, token.BoolOr(flag, false));
      if (set) return NotGemma(token.path() + "." + std::string(flag), "false", Json(true));
    }
    CARAT_ASSIGN(const bool special, token.BoolOr("special", false));
    const auto at = static_cast<size_t>(id);
    if (parts.kinds[at] != VocabularyParts::Kind::kNormal) {
      return Fail({.what = "two added tokens have the same id",
                   .where = token.path(),
                   .found = std::to_string(id)});
    }
    parts.pieces[at] = content.value().string();
    parts.kinds[at] =
        special ? VocabularyParts::Kind::kSpecial : VocabularyParts::Kind::kUserDefined;
  }
  return {};
}

// Merges are ["left", "right"] in newer files and "left right" in older ones.
Status AddMerges(const JsonView& merges, VocabularyParts& parts) {
  parts.merges.reserve(merges.value().array().size());
  for (size_t i = 0; i < merges.value().array().size(); ++i) {
    const Json& merge = merges.value().array()[i];
    if (merge.is_array() && merge.array().size() == 2 && merge.array()[0].is_string() &&
        merge.array()[1].is_string()) {
      parts.merges.push_back({merge.array()[0].string(), merge.array()[1].string()});
    } else if (merge.is_string()) {
      const std::string_view text = merge.string();
      const size_t cut = text.find(' ', 1);
      if (cut == std::string_view::npos) return Fail(merges.At(i).Wrong("\"left right\""));
      parts.merges.push_back({text.substr(0, cut), text.substr(cut + 1)});
    } else {
      return Fail(merges.At(i).Wrong("two texts"));
    }
    if (parts.merges.back().left.empty() || parts.merges.back().right.empty()) {
      return Fail(merges.At(i).Wrong("two texts that are not empty"));
    }
  }
  return {};
}

}  // namespace

Result<Tokenizer> Tokenizer::FromJson(std::string_view tokenizer_json) {
  CARAT_ASSIGN(const Json json, ParseJson(tokenizer_json, {.max_nodes = kMaxValues}));
  const JsonView root(json, "");
  CARAT_TRY(CheckStages(root));
  CARAT_ASSIGN(const JsonView model, root.Object("model"));
  CARAT_TRY(CheckModel(model));
  CARAT_ASSIGN(const JsonView vocabulary, model.Object("vocab"));
  CARAT_ASSIGN(const JsonView merges, model.Array("merges"));
  CARAT_ASSIGN(const JsonView added, root.Array("added_tokens"));

  // Added tokens may stand in the vocabulary or extend it: the numbering ends with the highest id.
  size_t capacity = vocabulary.value().object().size();
  const size_t most = capacity + added.value().array().size();
  for (const Json& token : added.value().array()) {
    const Json* id = token.Find("id");
    if (id == nullptr || !id->is_int() || id->integer() < 0 ||
        static_cast<size_t>(id->integer()) >= most)
      continue;
    capacity = std::max(capacity, static_cast<size_t>(id->integer()) + 1);
  }
  VocabularyParts parts;
  CARAT_TRY(AddVocabulary(model, capacity, parts));
  CARAT_TRY(AddAddedTokens(added, parts));
  CARAT_TRY(AddMerges(merges, parts));
  return Build(parts);
}

Result<std::vector<std::string>> MergesOfJson(std::string_view tokenizer_json) {
  CARAT_ASSIGN(const Json json, ParseJson(tokenizer_json, {.max_nodes = kMaxValues}));
  CARAT_ASSIGN(const JsonView model, JsonView(json, "").Object("model"));
  CARAT_ASSIGN(const JsonView merges, model.Array("merges"));
  VocabularyParts parts;
  CARAT_TRY(AddMerges(merges, parts));
  std::vector<std::string> texts;
  texts.reserve(parts.merges.size());
  for (const auto& [left, right] : parts.merges)
    texts.push_back(std::string(left) + ' ' + std::string(right));
  return texts;
}

}  // namespace carat
