#include "convert/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "engine/generation_defaults.h"
#include "tokenizer/tokenizer.h"

namespace carat {
namespace {

constexpr size_t kMaxTokenizerBytes = 256u << 20;

// Token types of section 4.1.
enum Type : int32_t { kNormal = 1, kControl = 3, kUserDefined = 4, kByte = 6 };

constexpr std::array<std::string_view, 7> kShown = {
    "<|channel>",       "<channel|>",       "<|tool_call>", "<tool_call|>",
    "<|tool_response>", "<tool_response|>", "<|\"|>"};

bool IsByteToken(std::string_view piece) {
  return piece.size() == 6 && piece.starts_with("<0x") && piece.ends_with('>');
}

Type TypeOf(const Tokenizer& tokenizer, TokenId id) {
  const std::string_view piece = tokenizer.Piece(id);
  if (std::ranges::find(kShown, piece) != kShown.end()) return kUserDefined;
  if (tokenizer.IsSpecial(id)) return kControl;
  return IsByteToken(piece) ? kByte : kNormal;
}

void SetId(std::string_view key, TokenId id, GgufHeader& header) {
  if (id >= 0) header.SetUint32(key, static_cast<uint32_t>(id));
}

}  // namespace

Status SetVocabulary(const ModelFiles& files, const Config& config, bool suppress,
                     GgufHeader& header) {
  CARAT_ASSIGN(const auto tokenizer, LoadTokenizer(files));
  if (!tokenizer) return {};
  CARAT_ASSIGN(const std::string json,
               files.source->ReadText("tokenizer.json", kMaxTokenizerBytes));
  CARAT_ASSIGN(const std::vector<std::string> merges, MergesOfJson(json));
  std::vector<std::string> pieces;
  std::vector<int32_t> types;
  for (TokenId id = 0; static_cast<size_t>(id) < tokenizer->size(); ++id) {
    pieces.emplace_back(tokenizer->Piece(id));
    types.push_back(TypeOf(*tokenizer, id));
  }
  // The embedding's rows are the vocabulary: what has no text gets one that nothing spells.
  for (auto id = static_cast<int64_t>(pieces.size()); id < config.vocab_size; ++id) {
    pieces.push_back(fmt::format("[PAD{}]", id));
    types.push_back(5);  // UNUSED
  }
  header.SetString("tokenizer.ggml.model", "gemma4");
  header.SetStrings("tokenizer.ggml.tokens", pieces);
  header.SetFloats("tokenizer.ggml.scores", std::vector<float>(pieces.size(), -1000.0f));
  header.SetInts("tokenizer.ggml.token_type", types);
  header.SetStrings("tokenizer.ggml.merges", merges);
  const SpecialIds& ids = tokenizer->special();
  SetId("tokenizer.ggml.bos_token_id", ids.bos, header);
  SetId("tokenizer.ggml.eos_token_id", ids.eos, header);
  SetId("tokenizer.ggml.unknown_token_id", ids.unk, header);
  SetId("tokenizer.ggml.padding_token_id", ids.pad, header);
  SetId("tokenizer.ggml.mask_token_id", ids.mask, header);
  header.SetBool("tokenizer.ggml.add_space_prefix", false);
  header.SetBool("tokenizer.ggml.add_bos_token", true);
  if (!files.chat_template.empty())
    header.SetString("tokenizer.chat_template", files.chat_template);
  if (!suppress || !files.source->Has("generation_config.json")) return {};
  CARAT_ASSIGN(const std::string text, files.source->ReadText("generation_config.json", 16 << 20));
  CARAT_ASSIGN(const GenerationDefaults defaults, DefaultsFromHuggingFace(text, config.vocab_size));
  if (!defaults.suppressed.empty())
    header.SetInts("tokenizer.ggml.suppress_tokens", defaults.suppressed);
  return {};
}

}  // namespace carat
