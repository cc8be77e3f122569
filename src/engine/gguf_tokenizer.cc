#include "engine/gguf_tokenizer.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace carat {

Result<std::optional<Tokenizer>> TokenizerFromGguf(const Gguf& gguf) {
  if (gguf.Find("tokenizer.ggml.tokens") == nullptr) return std::optional<Tokenizer>();
  CARAT_ASSIGN(const std::string_view model, gguf.String("tokenizer.ggml.model"));
  if (model != "gemma4") {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "not the tokenizer of Gemma 4",
                 .where = "tokenizer.ggml.model",
                 .wanted = "gemma4",
                 .found = SanitizeUtf8(model.substr(0, 40))});
  }
  const auto strings = [&](std::string_view key) -> Result<const GgufArray*> {
    const GgufValue* value = gguf.Find(key);
    const GgufArray* array = value == nullptr ? nullptr : value->AsArray();
    if (array != nullptr && array->type == GgufType::kString) return array;
    return Fail({.code = ErrorCode::kNotFound,
                 .what = "missing or wrong metadata",
                 .where = std::string(key),
                 .wanted = "an array of strings"});
  };
  VocabularyParts parts;
  CARAT_ASSIGN(const GgufArray* tokens, strings("tokenizer.ggml.tokens"));
  CARAT_ASSIGN(const GgufArray* merges, strings("tokenizer.ggml.merges"));
  parts.pieces = tokens->strings;
  if (gguf.Find("tokenizer.ggml.token_type") != nullptr) {
    CARAT_ASSIGN(const auto types,
                 gguf.Ints("tokenizer.ggml.token_type", static_cast<size_t>(tokens->count)));
    for (const int64_t type : types) {  // 3 CONTROL, 4 USER_DEFINED; the rest match as plain text
      parts.kinds.push_back(type == 3   ? VocabularyParts::Kind::kSpecial
                            : type == 4 ? VocabularyParts::Kind::kUserDefined
                                        : VocabularyParts::Kind::kNormal);
    }
  }
  parts.merges.reserve(static_cast<size_t>(merges->count));
  for (uint64_t i = 0; i < merges->count; ++i) {
    const std::string_view merge = merges->strings[static_cast<size_t>(i)];
    const size_t cut = merge.find(' ', 1);  // a side may itself begin with any character
    if (cut == std::string_view::npos || cut + 1 == merge.size()) {
      return Fail({.what = "a merge is not two texts",
                   .where = fmt::format("tokenizer.ggml.merges[{}]", i),
                   .wanted = "\"left right\"",
                   .found = Quoted(merge, 40)});
    }
    parts.merges.push_back({merge.substr(0, cut), merge.substr(cut + 1)});
  }
  CARAT_ASSIGN(Tokenizer tokenizer, Tokenizer::FromParts(parts));
  return std::optional<Tokenizer>(std::move(tokenizer));
}

}  // namespace carat
