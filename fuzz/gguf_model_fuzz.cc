// Input: a GGUF file of the gemma4 architecture, taken as far as its weights and defaults. The
// seeds are the smallest sizes that pass, so that a few changed bytes reach every check.
// DEPS: engine
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "engine/generation_defaults.h"
#include "model/config.h"
#include "model/weights.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto gguf = carat::Gguf::Parse(std::as_bytes(std::span(data, size)));
  if (!gguf.has_value()) return 0;
  const auto config = carat::ConfigFromGguf(*gguf);
  if (!config.has_value()) return 0;
  CARAT_CHECK(carat::ValidateConfig(*config).has_value());
  (void)carat::DefaultsFromGguf(*gguf, config->vocab_size, nullptr);
  const auto weights = carat::BindGguf(*config, gguf->tensors());
  if (!weights.has_value()) return 0;
  CARAT_CHECK(weights->layers.size() == static_cast<size_t>(config->num_layers()));
  for (const carat::LayerWeights& layer : weights->layers) {
    CARAT_CHECK(!layer.q.empty() && layer.attn_norm != nullptr && layer.k_norm != nullptr);
  }
  (void)carat::FindNonFinite(gguf->tensors());
  return 0;
}
