#include "engine/generation_defaults.h"

#include <algorithm>

#include "io/json.h"

namespace carat {
namespace {

void AddId(std::vector<TokenId>& ids, int64_t id, int64_t vocab) {
  // An id outside the vocabulary can never be sampled: nothing to stop on or to suppress.
  if (id < 0 || id >= vocab) return;
  const auto token = static_cast<TokenId>(id);
  if (std::ranges::find(ids, token) == ids.end()) ids.push_back(token);
}

// One id or a list of ids.
Status ReadIds(const JsonView& root, std::string_view key, int64_t vocab,
               std::vector<TokenId>& out) {
  if (!root.Has(key)) return {};
  CARAT_ASSIGN(const JsonView value, root.Get(key));
  if (value.value().is_int()) {
    AddId(out, value.value().integer(), vocab);
    return {};
  }
  if (!value.value().is_array()) return Fail(value.Wrong("an id or a list of ids"));
  for (size_t i = 0; i < value.value().array().size(); ++i) {
    const Json& id = value.value().array()[i];
    if (!id.is_int()) return Fail(value.At(i).Wrong("an id"));
    AddId(out, id.integer(), vocab);
  }
  return {};
}

Status CheckRanges(const GenerationDefaults& defaults) {
  const auto check = [](bool holds, std::string_view key, std::string_view wanted,
                        double found) -> Status {
    if (holds) return {};
    return Fail({.what = "a sampling default is out of range",
                 .where = std::string(key),
                 .wanted = std::string(wanted),
                 .found = std::to_string(found)});
  };
  CARAT_TRY(check(defaults.temperature >= 0 && defaults.temperature <= 100, "temperature",
                  "0 to 100", defaults.temperature));
  CARAT_TRY(check(defaults.min_p >= 0 && defaults.min_p <= 1, "min_p", "0 to 1", defaults.min_p));
  CARAT_TRY(check(defaults.repetition_penalty > 0 && defaults.repetition_penalty <= 100,
                  "repetition_penalty", "above 0, at most 100", defaults.repetition_penalty));
  return check(defaults.top_p > 0 && defaults.top_p <= 1, "top_p", "above 0, at most 1",
               defaults.top_p);
}

}  // namespace

Result<GenerationDefaults> DefaultsFromHuggingFace(std::string_view generation_config,
                                                   int64_t vocab) {
  CARAT_ASSIGN(const Json json, ParseJson(generation_config));
  const JsonView root(json, "");
  if (!json.is_object()) return Fail(root.Wrong("an object"));
  GenerationDefaults defaults;
  CARAT_ASSIGN(const bool do_sample, root.BoolOr("do_sample", false));
  CARAT_ASSIGN(defaults.temperature, root.NumberOr("temperature", 1.0));
  CARAT_ASSIGN(defaults.top_k, root.IntOr("top_k", 64, 0, INT32_MAX));
  CARAT_ASSIGN(defaults.top_p, root.NumberOr("top_p", 0.95));
  CARAT_ASSIGN(defaults.min_p, root.NumberOr("min_p", 0.0));
  CARAT_ASSIGN(defaults.repetition_penalty, root.NumberOr("repetition_penalty", 1.0));
  CARAT_TRY(ReadIds(root, "eos_token_id", vocab, defaults.stop));
  CARAT_TRY(ReadIds(root, "suppress_tokens", vocab, defaults.suppressed));
  CARAT_TRY(CheckRanges(defaults));
  if (!do_sample) defaults.temperature = 0;
  return defaults;
}

Result<GenerationDefaults> DefaultsFromGguf(const Gguf& gguf, int64_t vocab,
                                            const Tokenizer* tokenizer) {
  GenerationDefaults defaults;
  CARAT_ASSIGN(defaults.temperature, gguf.NumberOr("general.sampling.temp", 1.0));
  CARAT_ASSIGN(defaults.top_k, gguf.IntOr("general.sampling.top_k", 64, 0, INT32_MAX));
  CARAT_ASSIGN(defaults.top_p, gguf.NumberOr("general.sampling.top_p", 0.95));
  CARAT_TRY(CheckRanges(defaults));
  for (const std::string_view key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                     "tokenizer.ggml.eom_token_id"}) {
    CARAT_ASSIGN(const int64_t id, gguf.IntOr(key, -1, -1, UINT32_MAX));
    AddId(defaults.stop, id, vocab);
  }
  if (gguf.Find("tokenizer.ggml.suppress_tokens") != nullptr) {
    CARAT_ASSIGN(const auto ids, gguf.Ints("tokenizer.ggml.suppress_tokens"));
    for (const int64_t id : ids) AddId(defaults.suppressed, id, vocab);
  } else if (tokenizer != nullptr) {
    AddId(defaults.suppressed, tokenizer->special().audio_end, vocab);
    AddId(defaults.suppressed, tokenizer->special().image_end, vocab);
  }
  return defaults;
}

void AddModelStops(const Tokenizer& tokenizer, GenerationDefaults& defaults) {
  const SpecialIds& s = tokenizer.special();
  for (const TokenId id : {s.eos, s.turn_end, s.tool_response}) {
    AddId(defaults.stop, id, static_cast<int64_t>(tokenizer.size()));
  }
}

std::vector<TokenId> ReservedInConversation(const Tokenizer& tokenizer, int64_t vocab) {
  const SpecialIds& s = tokenizer.special();
  std::vector<TokenId> ids;
  for (const TokenId id :
       {s.pad, s.bos, s.unk, s.mask, s.tool, s.tool_end, s.tool_response_end, s.think, s.turn,
        s.image_begin, s.image, s.image_end, s.audio_begin, s.audio, s.audio_end, s.video}) {
    if (id >= 0) ids.push_back(id);
  }
  for (TokenId id = 0; static_cast<size_t>(id) < tokenizer.size(); ++id) {
    const std::string_view piece = tokenizer.Piece(id);
    if (piece.starts_with("<unused") && piece.ends_with(">")) ids.push_back(id);
  }
  for (auto id = static_cast<TokenId>(tokenizer.size()); id < vocab; ++id) ids.push_back(id);
  return ids;
}

}  // namespace carat
