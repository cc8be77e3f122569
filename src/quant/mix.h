// Which tensor gets which format for a named target, as llama-quantize v0.5.0 chooses by default
// (gguf specification, section 5.5; what that leaves out was found by experiment with the library).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "tensor/dtype.h"

namespace carat {

enum class QuantTarget : uint8_t {
  kF32,
  kF16,
  kBF16,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ3_K_S,
  kQ3_K_M,
  kQ3_K_L,
  kQ4_K_S,
  kQ4_K_M,
  kQ5_K_S,
  kQ5_K_M,
  kQ6_K,
  kMXFP4,
};

struct QuantTargetInfo {
  std::string_view name;
  uint32_t file_type;  // general.file_type (section 5.1)
  DType base;          // of every matrix without a rule of its own
};

// MXFP4 is ours: the reference's MXFP4_MOE, whose number it has, makes a dense model Q8_0
// throughout. Here the matrices are MXFP4 and the embedding Q6_K, as in Q4_0.
inline constexpr std::array<QuantTargetInfo, 18> kQuantTargets = {{
    {"F32", 0, DType::kF32},
    {"F16", 1, DType::kF16},
    {"BF16", 32, DType::kBF16},
    {"Q4_0", 2, DType::kQ4_0},
    {"Q4_1", 3, DType::kQ4_1},
    {"Q5_0", 8, DType::kQ5_0},
    {"Q5_1", 9, DType::kQ5_1},
    {"Q8_0", 7, DType::kQ8_0},
    {"Q2_K", 10, DType::kQ2_K},
    {"Q3_K_S", 11, DType::kQ3_K},
    {"Q3_K_M", 12, DType::kQ3_K},
    {"Q3_K_L", 13, DType::kQ3_K},
    {"Q4_K_S", 14, DType::kQ4_K},
    {"Q4_K_M", 15, DType::kQ4_K},
    {"Q5_K_S", 16, DType::kQ5_K},
    {"Q5_K_M", 17, DType::kQ5_K},
    {"Q6_K", 18, DType::kQ6_K},
    {"MXFP4", 38, DType::kMXFP4},
}};
constexpr const QuantTargetInfo& Info(QuantTarget target) {
  return kQuantTargets[static_cast<size_t>(target)];
}

// The target with this name in any case; Q3_K, Q4_K and Q5_K mean their "_M".
std::optional<QuantTarget> FindQuantTarget(std::string_view name);

struct MixOptions {
  QuantTarget target = QuantTarget::kQ4_K_M;
  bool importance = false;  // whether there is an importance matrix, for whichever tensors
  bool pure = false;        // every matrix the base format
  std::optional<DType> token_embedding = {};  // overrides every rule, `pure` too
};

// What the rules ask about the model. No rule depends on the architecture.
struct MixModel {
  size_t num_layers = 0;         // block_count
  size_t num_attn_v = 0;         // tensors whose names end in "attn_v.weight"
  size_t heads_per_kv_head = 1;  // of the first layer, rounded down
  bool has_output = false;       // "output.weight": else the embedding serves as the output too
};

// One model's choice. Rules count the tensors that they met, so the order of the calls matters.
class QuantMix {
 public:
  QuantMix(const MixOptions& options, const MixModel& model) : options_(options), model_(model) {}

  // The format of the next tensor in the order of the written file (WrittenBefore); nothing where
  // the tensor stays as it is. `shape` is outermost first. The row always fits the format.
  std::optional<DType> Next(std::string_view name, std::span<const uint64_t> shape);

 private:
  DType Choose(std::string_view name, uint64_t row);
  DType AttnV();
  DType FfnDown();

  MixOptions options_;
  MixModel model_;
  size_t attn_v_idx_ = 0, ffn_down_idx_ = 0;
};

// The order in which llama-quantize writes tensors: those outside the layers first, then layer by
// layer; by the bytes of the name within each.
bool WrittenBefore(std::string_view a, std::string_view b);

}  // namespace carat
