// Against files that the reference made: tests/quantise_golden_test.cc. Here are the 12B's numbers.
#include "quant/mix.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace carat {
namespace {

struct Named {
  std::string name;
  std::vector<uint64_t> shape;
};

// The matrices of Gemma 4 12B, or of a model with other widths, in the order of the written file.
std::vector<Named> Matrices(size_t layers = 48, uint64_t hidden = 3840, uint64_t inner = 15360) {
  std::vector<Named> all = {{"token_embd.weight", {262144, hidden}},
                            {"output_norm.weight", {hidden}},
                            {"rope_freqs.weight", {256}}};
  for (size_t i = 0; i < layers; ++i) {
    const bool global = i % 6 == 5;
    const uint64_t q = global ? 8192 : 4096, kv = global ? 512 : 2048;
    const auto add = [&](std::string_view name, std::vector<uint64_t> shape) {
      all.push_back({fmt::format("blk.{}.{}.weight", i, name), std::move(shape)});
    };
    add("attn_norm", {hidden});
    add("attn_q", {q, hidden});
    add("attn_k", {kv, hidden});
    if (!global) add("attn_v", {kv, hidden});
    add("attn_output", {hidden, q});
    add("ffn_gate", {inner, hidden});
    add("ffn_up", {inner, hidden});
    add("ffn_down", {hidden, inner});
  }
  std::ranges::sort(all, WrittenBefore, &Named::name);
  return all;
}

constexpr MixModel k12B = {.num_layers = 48, .num_attn_v = 40, .heads_per_kv_head = 2};

std::map<std::string, DType> Choose(const MixOptions& options, const MixModel& model,
                                    const std::vector<Named>& tensors) {
  QuantMix mix(options, model);
  std::map<std::string, DType> chosen;
  for (const Named& tensor : tensors)
    if (const auto type = mix.Next(tensor.name, tensor.shape)) chosen[tensor.name] = *type;
  return chosen;
}

std::map<DType, int> Count(const std::map<std::string, DType>& chosen) {
  std::map<DType, int> counts;
  for (const auto& [name, type] : chosen) ++counts[type];
  return counts;
}

using Counts = std::map<DType, int>;

TEST(QuantMix, FindsTargetsInAnyCase) {
  EXPECT_EQ(FindQuantTarget("q4_k_m"), QuantTarget::kQ4_K_M);
  EXPECT_EQ(FindQuantTarget("Q4_K"), QuantTarget::kQ4_K_M);
  EXPECT_EQ(FindQuantTarget("q5_k"), QuantTarget::kQ5_K_M);
  EXPECT_EQ(FindQuantTarget("Q3_k"), QuantTarget::kQ3_K_M);
  EXPECT_EQ(FindQuantTarget("mxfp4"), QuantTarget::kMXFP4);
  EXPECT_EQ(FindQuantTarget("IQ4_XS"), std::nullopt);
  EXPECT_EQ(FindQuantTarget(""), std::nullopt);
  EXPECT_EQ(Info(QuantTarget::kBF16).file_type, 32u);
}

// The numbers of section 5.5.
TEST(QuantMix, CountsOfThe12B) {
  const auto counts = [](QuantTarget target, bool importance = false) {
    return Count(Choose({.target = target, .importance = importance}, k12B, Matrices()));
  };
  EXPECT_EQ(counts(QuantTarget::kQ4_K_M), (Counts{{DType::kQ4_K, 284}, {DType::kQ6_K, 45}}));
  EXPECT_EQ(counts(QuantTarget::kQ5_K_M), (Counts{{DType::kQ5_K, 284}, {DType::kQ6_K, 45}}));
  EXPECT_EQ(counts(QuantTarget::kQ4_0), (Counts{{DType::kQ4_0, 328}, {DType::kQ6_K, 1}}));
  EXPECT_EQ(counts(QuantTarget::kQ4_0, true),
            (Counts{{DType::kQ4_0, 322}, {DType::kQ4_1, 6}, {DType::kQ6_K, 1}}));
  EXPECT_EQ(counts(QuantTarget::kQ5_0, true),
            (Counts{{DType::kQ5_0, 322}, {DType::kQ5_1, 6}, {DType::kQ6_K, 1}}));
  EXPECT_EQ(counts(QuantTarget::kQ4_K_S),
            (Counts{{DType::kQ4_K, 318}, {DType::kQ5_K, 10}, {DType::kQ6_K, 1}}));
  EXPECT_EQ(counts(QuantTarget::kQ3_K_M), (Counts{{DType::kQ3_K, 192},
                                                  {DType::kQ4_K, 38 + 45 + 48},
                                                  {DType::kQ5_K, 2 + 3},
                                                  {DType::kQ6_K, 1}}));
  EXPECT_EQ(counts(QuantTarget::kQ3_K_L),
            (Counts{{DType::kQ3_K, 192}, {DType::kQ5_K, 136}, {DType::kQ6_K, 1}}));
  EXPECT_EQ(counts(QuantTarget::kQ2_K),
            (Counts{{DType::kQ2_K, 192}, {DType::kQ3_K, 136}, {DType::kQ6_K, 1}}));
  EXPECT_EQ(counts(QuantTarget::kQ8_0), (Counts{{DType::kQ8_0, 329}}));
  EXPECT_EQ(counts(QuantTarget::kBF16), (Counts{{DType::kBF16, 329}}));
  EXPECT_EQ(counts(QuantTarget::kMXFP4), (Counts{{DType::kMXFP4, 328}, {DType::kQ6_K, 1}}));
}

TEST(QuantMix, LayersOfQ4_K_M) {
  const auto chosen = Choose({.target = QuantTarget::kQ4_K_M}, k12B, Matrices());
  const auto layers = [&](std::string_view kind) {
    std::vector<int> out;
    for (int i = 0; i < 48; ++i) {
      const auto at = chosen.find(fmt::format("blk.{}.{}.weight", i, kind));
      if (at != chosen.end() && at->second == DType::kQ6_K) out.push_back(i);
    }
    return out;
  };
  EXPECT_EQ(layers("attn_v"), (std::vector<int>{0,  1,  2,  3,  4,  8,  12, 15, 19, 22,
                                                26, 30, 33, 37, 40, 42, 43, 44, 45, 46}));
  EXPECT_EQ(layers("ffn_down"), (std::vector<int>{0,  1,  2,  3,  4,  5,  8,  11, 14, 17, 20, 23,
                                                  26, 29, 32, 35, 38, 41, 42, 43, 44, 45, 46, 47}));
}

// A row of 640 is no multiple of 256, one of 272 none of 32.
TEST(QuantMix, FallsBackWhereTheRowDoesNotFit) {
  const auto type = [](QuantTarget target, std::string_view name, uint64_t row) {
    QuantMix mix({.target = target}, k12B);
    const std::array<uint64_t, 2> shape = {4, row};
    return mix.Next(name, shape);
  };
  EXPECT_EQ(type(QuantTarget::kQ2_K, "blk.0.attn_q.weight", 640), DType::kQ4_0);
  EXPECT_EQ(type(QuantTarget::kQ3_K_S, "blk.0.attn_q.weight", 640), DType::kQ4_0);
  EXPECT_EQ(type(QuantTarget::kQ4_K_M, "blk.0.attn_q.weight", 640), DType::kQ5_0);
  EXPECT_EQ(type(QuantTarget::kQ5_K_M, "blk.0.attn_q.weight", 640), DType::kQ5_1);
  EXPECT_EQ(type(QuantTarget::kQ6_K, "blk.0.attn_q.weight", 640), DType::kQ8_0);
  EXPECT_EQ(type(QuantTarget::kQ4_0, "token_embd.weight", 640), DType::kQ8_0);
  EXPECT_EQ(type(QuantTarget::kQ4_K_M, "blk.0.attn_q.weight", 272), DType::kF16);
  EXPECT_EQ(type(QuantTarget::kQ8_0, "token_embd.weight", 272), DType::kF16);
}

TEST(QuantMix, PureAndTheEmbedding) {
  const MixOptions pure = {.target = QuantTarget::kQ4_K_M, .pure = true};
  EXPECT_EQ(Count(Choose(pure, k12B, Matrices())), (Counts{{DType::kQ4_K, 329}}));
  MixOptions options = pure;
  options.token_embedding = DType::kQ8_0;
  EXPECT_EQ(Choose(options, k12B, Matrices()).at("token_embd.weight"), DType::kQ8_0);
  options = {.target = QuantTarget::kF16, .token_embedding = DType::kQ6_K};
  EXPECT_EQ(Choose(options, k12B, Matrices()).at("token_embd.weight"), DType::kQ6_K);
  MixModel untied = k12B;
  untied.has_output = true;
  QuantMix mix({.target = QuantTarget::kQ4_K_M}, untied);
  const std::array<uint64_t, 2> shape = {4, 256};
  EXPECT_EQ(mix.Next("output.weight", shape), DType::kQ6_K);
  EXPECT_EQ(mix.Next("token_embd.weight", shape), DType::kQ4_K);
}

TEST(QuantMix, KeepsVectorsNormsAndPositions) {
  QuantMix mix({.target = QuantTarget::kQ8_0}, k12B);
  const std::array<uint64_t, 2> matrix = {4, 256}, one_row = {1, 256};
  const std::array<uint64_t, 3> table = {2, 1120, 3840};
  const std::array<uint64_t, 1> vector = {256};
  EXPECT_EQ(mix.Next("blk.0.attn_q.weight", vector), std::nullopt);
  EXPECT_EQ(mix.Next("blk.0.attn_q.weight", one_row), std::nullopt);
  EXPECT_EQ(mix.Next("blk.0.attn_q.bias", matrix), std::nullopt);
  EXPECT_EQ(mix.Next("x_norm.weight", matrix), std::nullopt);
  EXPECT_EQ(mix.Next("v.position_embd.weight", table), std::nullopt);
  EXPECT_EQ(mix.Next("v.patch_embd.weight", matrix), std::nullopt);
  EXPECT_EQ(mix.Next("mm.input_projection.weight", matrix), DType::kQ8_0);
}

TEST(QuantMix, WritesLayersByNumber) {
  std::vector<std::string> names = {"blk.10.a.weight", "blk.2.b.weight", "token_embd.weight",
                                    "blk.2.a.weight", "output_norm.weight"};
  std::ranges::sort(names, WrittenBefore);
  EXPECT_EQ(names,
            (std::vector<std::string>{"output_norm.weight", "token_embd.weight", "blk.2.a.weight",
                                      "blk.2.b.weight", "blk.10.a.weight"}));
}

}  // namespace
}  // namespace carat
