#include "model/decoder.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "model/decoder_layer.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"

namespace carat {

namespace {

// Floats of a token.
struct Widths {
  explicit Widths(const Config& config)
      : hidden(static_cast<size_t>(config.hidden)),
        intermediate(static_cast<size_t>(config.intermediate)),
        q(std::max(Of(config.sliding, config.num_heads), Of(config.global, config.num_heads))),
        kv(std::max(Of(config.sliding, config.sliding.kv_heads),
                    Of(config.global, config.global.kv_heads))) {}
  static size_t Of(const AttentionShape& shape, int64_t heads) {
    return static_cast<size_t>(heads * shape.head_dim);
  }
  size_t hidden, intermediate, q, kv;
};

}  // namespace

void Activations::Reserve(const Config& config, size_t tokens) {
  const Widths widths(config);
  for (FloatBuffer* rows : {&stream, &normed, &branch}) rows->Resize(tokens * widths.hidden);
  for (FloatBuffer* rows : {&q, &mixed}) rows->Resize(tokens * widths.q);
  for (FloatBuffer* rows : {&k, &v}) rows->Resize(tokens * widths.kv);
  for (FloatBuffer* rows : {&gate, &up}) rows->Resize(tokens * widths.intermediate);
}

size_t Activations::Bytes(const Config& config, size_t tokens) {
  const Widths widths(config);
  const size_t floats = 3 * widths.hidden + 2 * widths.q + 2 * widths.kv + 2 * widths.intermediate;
  const size_t rounded = 2 * std::max(widths.intermediate, widths.q);  // as bf16
  return tokens * (floats * sizeof(float) + rounded);
}

RopeFrequencies SlidingRope(const Config& config) {
  const auto dim = static_cast<size_t>(config.sliding.head_dim);
  return MakeRope(dim, config.sliding.rope_theta, dim / 2, nullptr);
}

RopeFrequencies GlobalRope(const Config& config, const float* factors) {
  const auto dim = static_cast<size_t>(config.global.head_dim);
  // A GGUF file says by divisors for all pairs which of them rotate; a config by their number.
  const size_t pairs =
      factors != nullptr ? dim / 2 : static_cast<size_t>(config.global_rotary_pairs());
  return MakeRope(dim, config.global.rope_theta, pairs, factors);
}

Decoder::Decoder(Config config, Weights weights)
    : config_(std::move(config)), weights_(std::move(weights)) {
  sliding_rope_ = SlidingRope(config_);
  global_rope_ = GlobalRope(config_, weights_.rope_factors);
}

// A placeholder without its medium reads as the pad token, as in transformers.
void Decoder::EmbedToken(OpContext& context, TokenId id, float* out) const {
  const bool placeholder = id == config_.image || id == config_.audio || id == config_.video;
  DecodeRow(context, weights_.embedding, static_cast<size_t>(placeholder ? config_.pad : id), out);
  Scale(out, config_.embedding_scale, static_cast<size_t>(config_.hidden));
}

void Decoder::Embed(OpContext& context, const Pass& pass, float* out) const {
  const std::span<const TokenId> ids = pass.ids;
  const auto hidden = static_cast<size_t>(config_.hidden);
  for (size_t t = 0; t < ids.size(); ++t) EmbedToken(context, ids[t], out + t * hidden);
  for (const SoftRun& run : pass.soft) {
    CARAT_CHECK(run.at + run.count <= ids.size());
    std::copy_n(run.rows, run.count * hidden, out + run.at * hidden);
  }
}

Status Decoder::CheckIds(std::span<const TokenId> ids, Pos first) const {
  for (size_t t = 0; t < ids.size(); ++t) {
    if (ids[t] < 0 || ids[t] >= config_.vocab_size) {
      return Fail({.code = ErrorCode::kNotFound,
                   .what = "token id outside the vocabulary",
                   .where = fmt::format("position {}", first + static_cast<Pos>(t)),
                   .wanted = fmt::format("0 to {}", config_.vocab_size - 1),
                   .found = std::to_string(ids[t])});
    }
  }
  return {};
}

Status Decoder::CheckPart(const TimelinePass& part) const {
  const KvCache& cache = *part.cache;
  const auto count = static_cast<Pos>(part.pass.ids.size());
  CARAT_CHECK(count > 0 && count <= cache.margin());
  CARAT_TRY(CheckIds(part.pass.ids, cache.size()));
  if (cache.size() + count <= cache.max_positions()) return {};
  return Fail({.code = ErrorCode::kContextFull,
               .what = "the context is full",
               .wanted = fmt::format("at most {} tokens", cache.max_positions()),
               .found = std::to_string(cache.size() + count)});
}

Status Decoder::Forward(OpContext& context, Activations& a, KvCache& cache, const Pass& pass,
                        LogitRows rows, std::span<float> logits) const {
  const TimelinePass part{&cache, pass, rows};
  return Forward(context, a, {&part, 1}, logits);
}

Status Decoder::Forward(OpContext& context, Activations& a, std::span<const TimelinePass> parts,
                        std::span<float> logits) const {
  CARAT_CHECK(!parts.empty());
  const Role role = parts[0].pass.role;
  size_t tokens = 0;
  for (const TimelinePass& part : parts) {
    CARAT_CHECK(part.pass.role == role);
    CARAT_TRY(CheckPart(part));
    tokens += part.pass.ids.size();
  }
  const auto hidden = static_cast<size_t>(config_.hidden);
  a.Reserve(config_, tokens);
  a.sliding_rope.Fill(sliding_rope_, 0, 0);
  a.global_rope.Fill(global_rope_, 0, 0);
  a.sliding_seen.clear();
  a.global_seen.clear();
  float* stream = a.stream.data();
  std::vector<LayerPart> places;
  for (const TimelinePass& part : parts) {
    const size_t count = part.pass.ids.size();
    const Pos first = part.cache->size();
    a.sliding_rope.Add(sliding_rope_, first, count);
    a.global_rope.Add(global_rope_, first, count);
    AddSeen(part.pass, first, config_.window, a.sliding_seen);
    AddSeen(part.pass, first, 0, a.global_seen);
    Embed(context, part.pass, stream);
    stream += count * hidden;
    places.push_back({.cache = {}, .first = first, .tokens = count});
  }
  for (int64_t i = 0; i < config_.num_layers(); ++i) {
    for (size_t p = 0; p < parts.size(); ++p) places[p].cache = parts[p].cache->layer(i);
    DecoderLayer(context, config_, weights_.layers[static_cast<size_t>(i)],
                 {.layer = i, .role = role, .parts = places, .tokens = tokens}, a);
  }
  for (const TimelinePass& part : parts) part.cache->Advance(part.pass.ids.size());
  if (!logits.empty()) Head(context, a, parts, logits);
  context.profile().Stop();
  return {};
}

// The logits of the rows that are wanted, which are brought together first.
void Decoder::Head(OpContext& context, Activations& a, std::span<const TimelinePass> parts,
                   std::span<float> logits) const {
  context.profile().Enter(Stage::kHead);
  const auto hidden = static_cast<size_t>(config_.hidden);
  size_t first = 0, wanted = 0;
  for (const TimelinePass& part : parts) {
    const size_t rows = part.pass.ids.size();
    const size_t count = part.rows == LogitRows::kAll    ? rows
                         : part.rows == LogitRows::kLast ? 1
                                                         : 0;
    const float* from = a.stream.data() + (first + rows - count) * hidden;
    float* to = a.branch.data() + wanted * hidden;
    std::copy_n(from, count * hidden, to);
    first += rows;
    wanted += count;
  }
  CARAT_CHECK(logits.size() == wanted * static_cast<size_t>(config_.vocab_size));
  RmsNorm(context, a.branch.data(), weights_.final_norm, wanted, hidden, config_.rms_eps,
          a.normed.data());
  // The head's rows choose tokens: they are always read as those of generated ones.
  MatMul(context, Role::kGenerated, weights_.head, a.normed.data(), wanted, logits.data());
  if (config_.softcap > 0) SoftCap(context, logits.data(), config_.softcap, logits.size());
}

}  // namespace carat
