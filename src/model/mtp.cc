#include "model/mtp.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "kernels/interleaved.h"
#include "model/decoder_layer.h"
#include "model/interleave.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"

namespace carat {
namespace {

// All but the head; pointers to const if the weights are.
template <class AnyWeights>
auto BodyMatrices(AnyWeights& weights) {
  std::vector<decltype(&weights.head)> all = {&weights.pre_projection, &weights.post_projection};
  for (auto& layer : weights.layers) {
    for (auto* w : MatricesOf(layer)) all.push_back(w);
  }
  return all;
}

size_t StoredBytes(const MatrixView& w) { return w.rows * w.row_bytes(); }

}  // namespace

Status MtpDrafter::Fits(const DrafterConfig& config, const Config& target) {
  const auto differs = [](std::string what, int64_t wanted, int64_t found) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "this drafter belongs to another model",
                 .wanted = fmt::format("{} {}", what, wanted),
                 .found = std::to_string(found)});
  };
  if (config.target_hidden != target.hidden)
    return differs("a target of hidden width", target.hidden, config.target_hidden);
  if (config.text.vocab_size != target.vocab_size)
    return differs("a vocabulary of", target.vocab_size, config.text.vocab_size);
  for (int64_t i = 0; i < config.text.num_layers(); ++i) {
    const bool global = config.text.is_global[static_cast<size_t>(i)];
    const AttentionShape& shape = global ? target.global : target.sliding;
    if (target.last_layer(global) < 0) {
      return Fail({.code = ErrorCode::kUnsupported,
                   .what = "this drafter belongs to another model",
                   .wanted = fmt::format("a target with {} layers", global ? "global" : "sliding"),
                   .found = "none"});
    }
    if (config.text.attention(i).head_dim != shape.head_dim)
      return differs("a head size of", shape.head_dim, config.text.attention(i).head_dim);
    if (config.text.num_heads % shape.kv_heads != 0)
      return differs("heads in a multiple of", shape.kv_heads, config.text.num_heads);
  }
  return {};
}

size_t MtpDrafter::Bytes(const DrafterConfig& config, const DrafterWeights& weights, bool exact) {
  size_t bytes = StoredBytes(weights.head) + DraftHead::Bytes(weights.head, !exact) +
                 2 * static_cast<size_t>(config.target_hidden) * sizeof(float);
  const auto body = BodyMatrices(weights);
  if (!exact) bytes += InterleavedBytes(body);
  for (const MatrixView* w : body) {
    if (exact || !kernels::CanInterleave(w->dtype, w->cols)) bytes += StoredBytes(*w);
  }
  return bytes;
}

size_t MtpDrafter::stored_bytes() const {
  size_t bytes = StoredBytes(weights_.head) + head_.borrowed_bytes();
  for (const MatrixView* w : BodyMatrices(weights_)) {
    bytes +=
        w->interleaved ? kernels::InterleavedBytes(w->dtype, w->rows, w->cols) : StoredBytes(*w);
  }
  return bytes - weights_.reordered.size();
}

std::vector<const MatrixView*> MtpDrafter::MatricesToInterleave(const DrafterWeights& weights) {
  std::vector<const MatrixView*> all;
  for (const MatrixView* w : BodyMatrices(weights))
    if (kernels::CanInterleave(w->dtype, w->cols) && !w->interleaved) all.push_back(w);
  return all;
}

Result<MtpDrafter> MtpDrafter::Create(
    OpContext& context, DrafterConfig config, DrafterWeights weights, const Config& target,
    bool exact, const std::optional<StoredScreen>& screen,
    const std::function<bool(size_t done, size_t total)>& progress) {
  CARAT_TRY(Fits(config, target));
  MtpDrafter drafter;
  drafter.config_ = std::move(config);
  drafter.weights_ = std::move(weights);
  CARAT_TRY((exact ? StoreMatrices : InterleaveMatrices)(context, BodyMatrices(drafter.weights_),
                                                         drafter.weights_.reordered, progress));
  const MatrixView& head = drafter.weights_.head;
  CARAT_ASSIGN(drafter.head_, screen && !exact ? DraftHead::Create(head, *screen)
                                               : DraftHead::Create(context, head, !exact));
  drafter.sliding_rope_ = SlidingRope(drafter.config_.text);
  drafter.global_rope_ = GlobalRope(drafter.config_.text, nullptr);
  drafter.sliding_layer_ = target.last_layer(false);
  drafter.global_layer_ = target.last_layer(true);
  return drafter;
}

std::span<const float> MtpDrafter::Step(OpContext& context, DraftState& state,
                                        const Decoder& target, const KvCache& cache,
                                        TokenId token) const {
  const Config& text = config_.text;
  const auto hidden = static_cast<size_t>(config_.target_hidden);
  const Pos rows = cache.size();
  CARAT_CHECK(rows > 0 && state.hidden.size() == hidden);
  state.input.resize(2 * hidden);
  target.EmbedToken(context, token, state.input.data());
  std::ranges::copy(state.hidden, state.input.begin() + static_cast<std::ptrdiff_t>(hidden));

  Activations& a = state.activations;
  a.Reserve(text, 1);
  // The query's position stays that of the last committed token; it sees the rows before it, in
  // sliding layers one more than the target's queries do (10.4).
  a.sliding_rope.Fill(sliding_rope_, rows, 1);
  a.global_rope.Fill(global_rope_, rows, 1);
  const Pos first = std::max(cache.sliding_begin(), rows - (target.config().window + 1));
  a.sliding_seen.assign(1, {first, rows});
  a.global_seen.assign(1, {0, rows});

  MatMul(context, Role::kGenerated, weights_.pre_projection, state.input.data(), 1,
         a.stream.data());
  for (int64_t i = 0; i < text.num_layers(); ++i) {
    const bool global = text.is_global[static_cast<size_t>(i)];
    const LayerPart part{
        .cache = cache.layer(global ? global_layer_ : sliding_layer_), .first = rows, .tokens = 1};
    DecoderLayer(context, text, weights_.layers[static_cast<size_t>(i)],
                 {.layer = i, .role = Role::kGenerated, .parts = {&part, 1}, .tokens = 1}, a);
  }
  const auto width = static_cast<size_t>(text.hidden);
  RmsNorm(context, a.stream.data(), weights_.final_norm, 1, width, text.rms_eps, a.normed.data());
  MatMul(context, Role::kGenerated, weights_.post_projection, a.normed.data(), 1,
         state.hidden.data());
  return {a.normed.data(), width};
}

}  // namespace carat
