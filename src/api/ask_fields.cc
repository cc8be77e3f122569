#include "api/ask_fields.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <utility>

#include "base/utf8.h"

namespace carat {
namespace {

constexpr size_t kLowEffort = 1024, kMediumEffort = 4096, kHighEffort = 16384;

Result<std::string> StopText(const Json& value, const std::string& where) {
  if (value.is_string() && !value.string().empty() && value.string().size() <= kMaxStopBytes) {
    return value.string();
  }
  return Fail({.what = "wrong value",
               .where = where,
               .wanted = fmt::format("a string of 1 to {} bytes", kMaxStopBytes),
               .found = value.is_string() ? fmt::format("{} bytes", value.string().size())
                                          : std::string(value.KindName())});
}

Result<std::pair<TokenId, float>> BiasOf(const Json::Member& member, const std::string& where) {
  const std::string& text = member.first;
  TokenId id = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  // "01" would be another name of 1.
  if (error != std::errc() || end != text.data() + text.size() || id < 0 ||
      text != std::to_string(id)) {
    return Fail({.what = "not the id of a token", .where = where, .found = Quoted(text, 20)});
  }
  const Json& bias = member.second;
  if (!bias.is_number() || !(bias.number() >= -100 && bias.number() <= 100)) {
    return Fail({.what = "wrong value",
                 .where = fmt::format("{}.{}", where, id),
                 .wanted = "a number from -100 to 100"});
  }
  return std::pair(id, static_cast<float>(bias.number()));
}

}  // namespace

Status TakeSampling(Fields& fields, Ask& ask) {
  constexpr double kSmallest = 1e-6;  // of what must be more than 0
  SamplingWishes& wishes = ask.sampling;
  CARAT_ASSIGN(wishes.temperature, fields.Number("temperature", 0, 2));
  // OpenAI allows 0, which can only mean the most probable token.
  CARAT_ASSIGN(wishes.top_p, fields.Number("top_p", 0, 1));
  if (wishes.top_p && *wishes.top_p < kSmallest) wishes.top_p = kSmallest;
  CARAT_ASSIGN(wishes.top_k, fields.Int("top_k", 0, std::numeric_limits<int32_t>::max()));
  CARAT_ASSIGN(wishes.min_p, fields.Number("min_p", 0, 1));
  CARAT_ASSIGN(wishes.repetition_penalty, fields.Number("repetition_penalty", kSmallest, 100));
  CARAT_ASSIGN(
      const std::optional<int64_t> seed,
      fields.Int("seed", std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()));
  if (seed) wishes.seed = static_cast<uint64_t>(*seed);
  return {};
}

Status TakeLogitBias(Fields& fields, Ask& ask) {
  const Json* const biases = fields.Take("logit_bias");
  if (biases == nullptr) return {};
  const std::string where = fields.PathOf("logit_bias");
  if (!biases->is_object() || biases->object().size() > kMaxBiases) {
    return Fail({.what = "wrong value",
                 .where = where,
                 .wanted = fmt::format("an object of at most {} members", kMaxBiases)});
  }
  for (const Json::Member& member : biases->object()) {
    CARAT_ASSIGN(const auto bias, BiasOf(member, where));
    ask.sampling.logit_bias.push_back(bias);
  }
  return {};
}

Status TakeStop(Fields& fields, std::string_view key, Ask& ask, size_t most) {
  const Json* const stop = fields.Take(key);
  if (stop == nullptr) return {};
  const std::string where = fields.PathOf(key);
  if (!stop->is_array()) {
    CARAT_ASSIGN(std::string text, StopText(*stop, where));
    ask.stop.push_back(std::move(text));
    return {};
  }
  if (stop->array().size() > most) {
    return Fail({.what = "too many texts",
                 .where = where,
                 .wanted = fmt::format("at most {}", most),
                 .found = fmt::format("{}", stop->array().size())});
  }
  for (size_t i = 0; i < stop->array().size(); ++i) {
    CARAT_ASSIGN(std::string text, StopText(stop->array()[i], fmt::format("{}[{}]", where, i)));
    ask.stop.push_back(std::move(text));
  }
  return {};
}

Result<bool> TakeCarat(Fields& fields, Ask& ask, bool stream) {
  const Json* const own = fields.Take("carat");
  if (own == nullptr) return false;
  CARAT_ASSIGN(Fields inner, Fields::Of(*own, fields.PathOf("carat")));
  CARAT_ASSIGN(const std::optional<bool> progress, inner.Bool("progress"));
  CARAT_ASSIGN(const std::optional<bool> background, inner.Bool("background"));
  CARAT_ASSIGN(const std::optional<bool> preserve, inner.Bool("preserve_thinking"));
  CARAT_ASSIGN(const std::optional<bool> ignore_stop, inner.Bool("ignore_stop"));
  CARAT_ASSIGN(const std::optional<bool> detached, inner.Bool("detached"));
  CARAT_TRY(inner.Done());
  if (progress.value_or(false) && !stream) {
    return Fail({.what = "progress is told in a stream only",
                 .where = inner.PathOf("progress"),
                 .wanted = "stream true beside it"});
  }
  ask.progress = progress.value_or(ask.progress);
  ask.background = background.value_or(ask.background);
  ask.preserve_thinking = preserve.value_or(ask.preserve_thinking);
  ask.ignore_stop = ignore_stop.value_or(ask.ignore_stop);
  return detached.value_or(false);
}

Status ThinkingWish::Say(bool think, std::optional<size_t> budget, const std::string& where) {
  if ((think_ && *think_ != think) || (budget_ && budget && *budget_ != *budget)) {
    return Fail({.what = "another member says otherwise about thinking", .where = where});
  }
  think_ = think;
  if (budget) budget_ = budget;
  return {};
}

Status ThinkingWish::TakeEffort(Fields& fields, std::string_view key) {
  CARAT_ASSIGN(const std::optional<std::string> effort,
               fields.OneOf(key, {"none", "minimal", "low", "medium", "high", "xhigh", "max"}));
  if (!effort) return {};
  const bool think = *effort != "none" && *effort != "minimal";
  std::optional<size_t> budget;
  if (*effort == "low") budget = kLowEffort;
  if (*effort == "medium") budget = kMediumEffort;
  if (*effort == "high") budget = kHighEffort;
  return Say(think, budget, fields.PathOf(key));
}

Status ThinkingWish::TakeThinking(Fields& fields) {
  const Json* const thinking = fields.Take("thinking");
  if (thinking == nullptr) return {};
  CARAT_ASSIGN(Fields inner, Fields::Of(*thinking, fields.PathOf("thinking")));
  CARAT_ASSIGN(const std::string type, inner.RequireString("type"));
  CARAT_TRY(inner.OneOf("type", {"enabled", "disabled", "adaptive"}));
  CARAT_ASSIGN(const std::optional<int64_t> budget,
               inner.Int("budget_tokens", 1, std::numeric_limits<int32_t>::max()));
  CARAT_TRY(inner.Done());
  if (type == "disabled" && budget) {
    return Fail({.what = "a budget for no thoughts", .where = inner.PathOf("budget_tokens")});
  }
  std::optional<size_t> most;
  if (budget) most = static_cast<size_t>(*budget);
  return Say(type != "disabled", most, inner.path());
}

Status ThinkingWish::TakeTemplateOptions(Fields& fields, Ask& ask) {
  const Json* const options = fields.Take("chat_template_kwargs");
  if (options == nullptr) return {};
  CARAT_ASSIGN(Fields inner, Fields::Of(*options, fields.PathOf("chat_template_kwargs")));
  CARAT_ASSIGN(const std::optional<bool> think, inner.Bool("enable_thinking"));
  CARAT_ASSIGN(const std::optional<bool> preserve, inner.Bool("preserve_thinking"));
  CARAT_TRY(inner.Done());
  ask.preserve_thinking = preserve.value_or(ask.preserve_thinking);
  return think ? Say(*think, std::nullopt, inner.PathOf("enable_thinking")) : Status{};
}

void ThinkingWish::Apply(Ask& ask) const {
  ask.think = think_.value_or(false);
  ask.thinking_budget = ask.think ? budget_ : std::nullopt;
}

}  // namespace carat
