#include "tensor/dtype.h"

namespace carat {

std::optional<DType> DTypeFromGguf(uint32_t id) {
  for (size_t i = 0; i < kNumDTypes; ++i) {
    if (kDTypes[i].gguf_id == id) return static_cast<DType>(i);
  }
  return std::nullopt;
}

std::string_view UnknownGgufType(uint32_t id) {
  switch (id) {
    case 16:
      return "type IQ2_XXS needs a codebook that carat does not hold";
    case 17:
      return "type IQ2_XS needs a codebook that carat does not hold";
    case 18:
      return "type IQ3_XXS needs a codebook that carat does not hold";
    case 19:
      return "type IQ1_S needs a codebook that carat does not hold";
    case 21:
      return "type IQ3_S needs a codebook that carat does not hold";
    case 22:
      return "type IQ2_S needs a codebook that carat does not hold";
    case 29:
      return "type IQ1_M needs a codebook that carat does not hold";
    case 9:
      return "type Q8_1 is an activation format that no model file may hold";
    case 15:
      return "type Q8_K is an activation format that no model file may hold";
    case 4:
    case 5:
    case 31:
    case 32:
    case 33:
    case 36:
    case 37:
    case 38:
      return "this tensor type was removed from the GGUF format";
    default:
      return "no such tensor type is known";
  }
}

}  // namespace carat
