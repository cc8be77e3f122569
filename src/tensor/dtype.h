// The storage formats of tensor elements, with the numbers of the GGUF type table (gguf
// specification, section 5.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace carat {

// Formats whose decoding is known (section 5.2). Order is ours; files use DTypeInfo::gguf_id.
enum class DType : uint8_t {
  kF32,
  kF16,
  kBF16,
  kQ8_0,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kIQ4_NL,
  kIQ4_XS,
  kMXFP4,
  kNVFP4,
  kTQ1_0,
  kTQ2_0,
  kQ1_0,
  kQ2_0,
  // Plain numbers that occur in files but hold no weights; they are listed, not decoded.
  kI8,
  kI16,
  kI32,
  kI64,
  kF64,
};
inline constexpr size_t kNumDTypes = 26;
inline constexpr size_t kNumWeightDTypes = 21;  // kF32 … kQ2_0

struct DTypeInfo {
  std::string_view name;
  uint32_t gguf_id;
  uint32_t block_elements;  // a row holds a whole number of blocks
  uint32_t block_bytes;
};

inline constexpr std::array<DTypeInfo, kNumDTypes> kDTypes = {{
    {"F32", 0, 1, 4},       {"F16", 1, 1, 2},       {"BF16", 30, 1, 2},
    {"Q8_0", 8, 32, 34},    {"Q4_0", 2, 32, 18},    {"Q4_1", 3, 32, 20},
    {"Q5_0", 6, 32, 22},    {"Q5_1", 7, 32, 24},    {"Q2_K", 10, 256, 84},
    {"Q3_K", 11, 256, 110}, {"Q4_K", 12, 256, 144}, {"Q5_K", 13, 256, 176},
    {"Q6_K", 14, 256, 210}, {"IQ4_NL", 20, 32, 18}, {"IQ4_XS", 23, 256, 136},
    {"MXFP4", 39, 32, 17},  {"NVFP4", 40, 64, 36},  {"TQ1_0", 34, 256, 54},
    {"TQ2_0", 35, 256, 66}, {"Q1_0", 41, 128, 18},  {"Q2_0", 42, 64, 18},
    {"I8", 24, 1, 1},       {"I16", 25, 1, 2},      {"I32", 26, 1, 4},
    {"I64", 27, 1, 8},      {"F64", 28, 1, 8},
}};

constexpr const DTypeInfo& Info(DType type) { return kDTypes[static_cast<size_t>(type)]; }
constexpr bool IsWeightType(DType type) { return static_cast<size_t>(type) < kNumWeightDTypes; }

// The format with this GGUF type number, or nothing: then UnknownGgufType says why.
std::optional<DType> DTypeFromGguf(uint32_t id);

// Why a GGUF type number is not readable, naming the type where it has a name.
std::string_view UnknownGgufType(uint32_t id);

}  // namespace carat
