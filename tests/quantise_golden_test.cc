// The quantiser against ggml's, and the choice of formats against llama-quantize's:
// tests/golden/quantise, made by tools/make_quantise_goldens.py.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "io/digest.h"
#include "io/file.h"
#include "io/json.h"
#include "quant/mix.h"
#include "quant/rows.h"

namespace carat {
namespace {

constexpr int kKinds = 16;

// Numbers in [-1, 1) by a linear congruential generator, as in the script.
class Noise {
 public:
  explicit Noise(uint32_t seed) : state_(seed) {}
  float Next() {
    state_ = state_ * 1664525u + 1013904223u;
    return (static_cast<float>(state_ >> 8) - 0x1p23f) * 0x1p-23f;
  }

 private:
  uint32_t state_;
};

float PowerOfTwo(int exponent) { return std::ldexp(1.0f, exponent); }

// Element i of a row of a kind; the script says what the kinds are.
float Value(int kind, int i, Noise& noise) {
  const float a = noise.Next(), b = noise.Next(), x = a * b;
  switch (kind) {
    case 0:
      return x * 0x1p-5f;
    case 1:
      return std::fabs(x) * 0x1p-5f;
    case 2:
      return -std::fabs(x) * 0x1p-5f;
    case 3:
      return a * 0x1p-7f + 0.125f;
    case 4:
      return i / 32 % 3 == 0 ? 0.0f : x;
    case 5:
      return a < 0.0f ? 0.0f : -0.0f;
    case 6:
      return 0.375f;
    case 7:
      return std::floor(a * 8.0f) * 0.0625f;
    case 8:
      return x * PowerOfTwo(i / 32 * 7 % 41 - 30);
    case 9:
      return x * PowerOfTwo(i / 16 * 5 % 23 - 20);
    case 10:
      return x * 0x1p-40f;
    case 11:
      return x * 0x1p-128f;
    case 12:
      return x * 0x1p14f;
    case 13:
      return i % 61 == 7 ? a * 4.0f : x * 0x1p-6f;
    case 14:
      return i % 8 == 3 ? x : 0.0f;
    default:
      return a * 0x1p-4f;
  }
}

std::vector<float> Rows(int width) {
  std::vector<float> rows;
  for (int kind = 0; kind < kKinds; ++kind) {
    Noise noise(static_cast<uint32_t>(1000 * kind + width));
    for (int i = 0; i < width; ++i) rows.push_back(Value(kind, i, noise));
  }
  return rows;
}

// One weight a column: squares, or powers of two with every fifth 0; empty for "none".
std::vector<float> Importance(std::string_view kind, int width) {
  std::vector<float> weights;
  if (kind == "none") return weights;
  Noise noise(static_cast<uint32_t>(77 + width));
  for (int i = 0; i < width; ++i) {
    const float a = noise.Next(), square = a * a;
    if (kind == "squares")
      weights.push_back(square);
    else
      weights.push_back(i % 5 == 0 ? 0.0f : square * PowerOfTwo(i * 13 % 24 - 12));
  }
  return weights;
}

std::optional<DType> TypeNamed(std::string_view name) {
  for (size_t i = 0; i < kNumDTypes; ++i)
    if (kDTypes[i].name == name) return static_cast<DType>(i);
  return std::nullopt;
}

Json Golden(const std::string& name) {
  const auto text =
      ReadFile(std::string(CARAT_SOURCE_DIR "/tests/golden/quantise/") + name, 1 << 20);
  EXPECT_TRUE(text.has_value());
  auto json = ParseJson(text.value_or("null"));
  EXPECT_TRUE(json.has_value());
  return json.value_or(Json());
}

TEST(QuantiseGolden, RowsAreTheReferences) {
  const Json golden = Golden("rows.json");
  size_t compared = 0;
  for (const Json& item : golden.Find("cases")->array()) {
    const std::string& name = item.Find("type")->string();
    const std::string& kind = item.Find("importance")->string();
    const int width = static_cast<int>(item.Find("width")->integer());
    SCOPED_TRACE(name + " " + std::to_string(width) + " " + kind);
    const auto type = TypeNamed(name);
    ASSERT_TRUE(type && CanQuantise(*type));
    const std::vector<float> rows = Rows(width), weights = Importance(kind, width);
    const DTypeInfo& info = Info(*type);
    std::vector<std::byte> out(rows.size() / info.block_elements * info.block_bytes);
    QuantiseRows(*type, rows.data(), kKinds, static_cast<size_t>(width),
                 weights.empty() ? nullptr : weights.data(), out.data());
    EXPECT_EQ(Sha256Hex(out), item.Find("sha256")->string());
    ++compared;
  }
  EXPECT_EQ(compared, 14u * 3 * 3);
}

// A case of files.json: its target and options, and the model of its input.
QuantMix MixOf(const Json& item, const Json& input) {
  MixOptions options = {.target = *FindQuantTarget(item.Find("target")->string()),
                        .importance = item.Find("importance") != nullptr,
                        .pure = item.Find("pure") != nullptr};
  if (const Json* type = item.Find("token_embedding"))
    options.token_embedding = TypeNamed(type->string());
  MixModel model;
  model.num_layers = static_cast<size_t>(input.Find("layers")->integer());
  model.heads_per_kv_head = static_cast<size_t>(input.Find("heads_per_kv_head")->integer());
  for (const auto& [name, shape] : input.Find("tensors")->object())
    if (name.ends_with("attn_v.weight")) ++model.num_attn_v;
  return QuantMix(options, model);
}

TEST(QuantiseGolden, FormatsAreLlamaQuantizes) {
  const Json golden = Golden("files.json");
  size_t compared = 0;
  for (const Json& item : golden.Find("cases")->array()) {
    const std::string& name = item.Find("input")->string();
    SCOPED_TRACE(name + " " + item.Dump().substr(0, 160));
    const Json& input = *golden.Find("inputs")->Find(name);
    QuantMix mix = MixOf(item, input);
    std::istringstream types(item.Find("types")->string());
    std::string wanted, last;
    for (const auto& [tensor, sides] : input.Find("tensors")->object()) {
      std::vector<uint64_t> shape;
      for (const Json& side : sides.array()) shape.push_back(static_cast<uint64_t>(side.integer()));
      ASSERT_TRUE(types >> wanted);
      EXPECT_TRUE(last.empty() || WrittenBefore(last, tensor)) << last << " " << tensor;
      last = tensor;
      // What is kept is F32 in these files.
      EXPECT_EQ(Info(mix.Next(tensor, shape).value_or(DType::kF32)).name, wanted) << tensor;
    }
    ++compared;
  }
  EXPECT_EQ(compared, 5u * 17 + 15);
}

}  // namespace
}  // namespace carat
