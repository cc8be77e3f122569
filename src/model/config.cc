#include "model/config.h"

#include <fmt/format.h>

#include <cmath>

#include "base/utf8.h"

namespace carat {
namespace {

Status Check(bool holds, std::string_view field, std::string wanted, double found) {
  if (holds) return {};
  return Fail({.what = "a model size out of range",
               .where = std::string(field),
               .wanted = std::move(wanted),
               .found = fmt::format("{}", found)});
}

Status CheckSize(std::string_view field, int64_t value, int64_t high) {
  return Check(value >= 1 && value <= high, field, fmt::format("1 to {}", high),
               static_cast<double>(value));
}

Status CheckAttention(std::string_view kind, const AttentionShape& shape, int64_t num_heads) {
  const std::string name(kind);
  CARAT_TRY(Check(shape.head_dim >= 32 && shape.head_dim <= 4096 && shape.head_dim % 32 == 0,
                  name + " head_dim", "a multiple of 32 up to 4096",
                  static_cast<double>(shape.head_dim)));
  CARAT_TRY(
      Check(shape.kv_heads >= 1 && shape.kv_heads <= num_heads && num_heads % shape.kv_heads == 0,
            name + " key/value heads", fmt::format("a divisor of the {} heads", num_heads),
            static_cast<double>(shape.kv_heads)));
  return Check(shape.rope_theta >= 1 && std::isfinite(shape.rope_theta), name + " rope_theta",
               "at least 1", shape.rope_theta);
}

}  // namespace

Status ValidateConfig(const Config& config) {
  CARAT_TRY(CheckSize("vocab_size", config.vocab_size, 1 << 24));
  CARAT_TRY(CheckSize("hidden_size", config.hidden, 1 << 16));
  CARAT_TRY(CheckSize("intermediate_size", config.intermediate, 1 << 18));
  CARAT_TRY(CheckSize("num_attention_heads", config.num_heads, 256));
  CARAT_TRY(CheckSize("num_hidden_layers", config.num_layers(), 1024));
  CARAT_TRY(CheckSize("sliding_window", config.window, 1 << 24));
  CARAT_TRY(CheckSize("max_position_embeddings", config.max_positions, 1 << 24));
  CARAT_TRY(CheckAttention("sliding", config.sliding, config.num_heads));
  CARAT_TRY(CheckAttention("global", config.global, config.num_heads));
  CARAT_TRY(Check(config.partial_rotary > 0 && config.partial_rotary <= 1, "partial_rotary_factor",
                  "above 0, at most 1", config.partial_rotary));
  CARAT_TRY(Check(config.rms_eps > 0 && config.rms_eps < 1, "rms_norm_eps", "between 0 and 1",
                  double{config.rms_eps}));
  return Check(config.softcap >= 0 && std::isfinite(config.softcap), "final_logit_softcapping",
               "0 or more", double{config.softcap});
}

Error UnsupportedArchitecture(const std::string& name, std::string_view wanted) {
  std::string why;
  if (name == "gemma4_unified" || name == "gemma4_unified_assistant") {
    why = "the file names it as only the other kind of file does";
  } else if (name == "gemma4" || name == "gemma4_text" || name == "gemma3n" ||
             name == "gemma3n_text") {
    why = "it needs per-layer embeddings, experts or encoders that carat does not have";
  } else if (name.starts_with("gemma")) {
    why = "it is another generation of Gemma with other mathematics";
  } else {
    why = "carat runs one family only";
  }
  return {.code = ErrorCode::kUnsupported,
          .what = "this architecture is not run: " + why,
          .where = "",
          .wanted = fmt::format("Gemma 4 12B Unified ({})", wanted),
          .found = SanitizeUtf8(name.substr(0, 80))};
}

Config ConfigOf12B() {
  Config c{.vocab_size = 262'144,
           .hidden = 3840,
           .intermediate = 15'360,
           .num_heads = 16,
           .sliding = {.head_dim = 256, .kv_heads = 8, .rope_theta = 1e4},
           .global = {.head_dim = 512, .kv_heads = 1, .rope_theta = 1e6},
           .is_global = {},
           .window = 1024,
           .max_positions = 262'144,
           .warnings = {}};
  for (int layer = 0; layer < 48; ++layer) c.is_global.push_back(layer % 6 == 5);
  return c;
}

}  // namespace carat
