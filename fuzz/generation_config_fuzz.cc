// Input: a generation_config.json, for a vocabulary of 300 tokens.
//
// DEPS: engine
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "engine/generation_defaults.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr int64_t kVocab = 300;
  const auto defaults =
      carat::DefaultsFromHuggingFace({reinterpret_cast<const char*>(data), size}, kVocab);
  if (!defaults.has_value()) {
    CARAT_CHECK(!defaults.error().what.empty());
    return 0;
  }
  CARAT_CHECK(defaults->temperature >= 0 && defaults->top_p > 0 && defaults->top_p <= 1);
  CARAT_CHECK(defaults->top_k >= 0);
  for (const auto* ids : {&defaults->stop, &defaults->suppressed}) {
    for (const carat::TokenId id : *ids) CARAT_CHECK(id >= 0 && id < kVocab);
  }
  return 0;
}
