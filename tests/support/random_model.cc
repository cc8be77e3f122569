#include "tests/support/random_model.h"

#include <cmath>
#include <random>

#include "tensor/half.h"
#include "tests/support/random_blocks.h"

namespace carat {
namespace {

class Maker {
 public:
  Maker(RandomModel& model, DType dtype, uint64_t seed)
      : model_(model), dtype_(dtype), random_(seed) {}

  MatrixView Matrix(int64_t rows, int64_t cols) {
    const auto r = static_cast<size_t>(rows), c = static_cast<size_t>(cols);
    const DType dtype = c % Info(dtype_).block_elements == 0 ? dtype_ : DType::kF32;
    auto& bytes = model_.storage.emplace_back(RandomBlocks(random_, dtype, r * c, Scales::kTame));
    return {.data = bytes.data(), .dtype = dtype, .rows = r, .cols = c};
  }

  // Numbers around `centre`, none near zero.
  const float* Norm(int64_t n, float centre) {
    FloatBuffer& buffer = model_.weights.owned.emplace_back(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) buffer.data()[i] = centre * (1 + 0.5f * RandomUnit(random_));
    return buffer.data();
  }

  float Number(float centre) { return centre * (1 + 0.5f * RandomUnit(random_)); }

 private:
  RandomModel& model_;
  DType dtype_;
  std::mt19937_64 random_;
};

Config MakeConfig(const RandomModelOptions& options) {
  Config config;
  config.vocab_size = options.vocab;
  config.hidden = options.hidden;
  config.intermediate = options.intermediate;
  config.num_heads = options.num_heads;
  config.sliding = {.head_dim = 32, .kv_heads = options.num_heads, .rope_theta = 1e4};
  config.global = {.head_dim = 64, .kv_heads = 1, .rope_theta = 1e6};
  for (int64_t i = 0; i < options.num_layers; ++i) config.is_global.push_back(i % 6 == 5);
  config.window = options.window;
  config.max_positions = options.max_positions;
  config.embedding_scale = RoundToBf16(std::sqrt(static_cast<float>(options.hidden)));
  return config;
}

LayerWeights MakeLayer(Maker& make, const Config& config, int64_t layer) {
  const AttentionShape& shape = config.attention(layer);
  const int64_t q_rows = config.num_heads * shape.head_dim;
  const int64_t kv_rows = shape.kv_heads * shape.head_dim;
  LayerWeights out;
  out.attn_norm = make.Norm(config.hidden, 1.0f);
  out.q = make.Matrix(q_rows, config.hidden);
  out.k = make.Matrix(kv_rows, config.hidden);
  if (!config.is_global[static_cast<size_t>(layer)]) out.v = make.Matrix(kv_rows, config.hidden);
  out.o = make.Matrix(config.hidden, q_rows);
  // Scores of a few units: neither all alike nor one key alone.
  out.q_norm = make.Norm(shape.head_dim, 0.6f);
  out.k_norm = make.Norm(shape.head_dim, 0.6f);
  out.post_attn_norm = make.Norm(config.hidden, 1.0f);
  out.ffn_norm = make.Norm(config.hidden, 1.0f);
  out.gate = make.Matrix(config.intermediate, config.hidden);
  out.up = make.Matrix(config.intermediate, config.hidden);
  out.down = make.Matrix(config.hidden, config.intermediate);
  out.post_ffn_norm = make.Norm(config.hidden, 1.0f);
  out.layer_scalar = make.Number(0.7f);
  return out;
}

}  // namespace

RandomModel MakeRandomModel(const RandomModelOptions& options) {
  RandomModel model;
  model.config = MakeConfig(options);
  Maker make(model, options.dtype, options.seed);
  model.weights.embedding = make.Matrix(options.vocab, options.hidden);
  model.weights.head = model.weights.embedding;
  model.weights.final_norm = make.Norm(options.hidden, 1.0f);
  for (int64_t i = 0; i < options.num_layers; ++i) {
    model.weights.layers.push_back(MakeLayer(make, model.config, i));
  }
  return model;
}

std::vector<TokenId> RandomIds(uint64_t seed, size_t count, int64_t vocab) {
  std::mt19937_64 random(seed);
  std::vector<TokenId> ids(count);
  for (TokenId& id : ids) id = static_cast<TokenId>(random() % static_cast<uint64_t>(vocab));
  return ids;
}

}  // namespace carat
