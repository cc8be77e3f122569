// Input: a GGUF file of any kind that carat knows, taken as far as its weights, its vocabulary and
// its defaults. The seeds are the smallest sizes that pass, so that a few changed bytes reach every
// check.
//
// DEPS: engine
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "engine/generation_defaults.h"
#include "engine/gguf_tokenizer.h"
#include "model/config.h"
#include "model/drafter_weights.h"
#include "model/embedder_weights.h"
#include "model/weights.h"

namespace {

void Vocabulary(const carat::Gguf& gguf) {
  const auto tokenizer = carat::TokenizerFromGguf(gguf);
  if (!tokenizer.has_value() || !tokenizer->has_value()) return;
  (void)carat::DefaultsFromGguf(gguf, 1 << 20, &**tokenizer);
  for (const carat::TokenId id : (*tokenizer)->EncodeControl("<|turn>user\nab \xC3\xA9<0x0A>"))
    CARAT_CHECK(id >= 0 && static_cast<size_t>(id) < (*tokenizer)->size());
}

void Model(const carat::Gguf& gguf) {
  const auto config = carat::ConfigFromGguf(gguf);
  if (!config.has_value()) return;
  CARAT_CHECK(carat::ValidateConfig(*config).has_value());
  (void)carat::DefaultsFromGguf(gguf, config->vocab_size, nullptr);
  const auto weights = carat::BindGguf(*config, gguf.tensors());
  if (!weights.has_value()) return;
  CARAT_CHECK(weights->layers.size() == static_cast<size_t>(config->num_layers()));
  for (const carat::LayerWeights& layer : weights->layers)
    CARAT_CHECK(!layer.q.empty() && layer.attn_norm != nullptr && layer.k_norm != nullptr);
  (void)carat::FindNonFinite(gguf.tensors());
}

void Drafter(const carat::Gguf& gguf) {
  const auto config = carat::DrafterConfigFromGguf(gguf);
  if (!config.has_value()) return;
  CARAT_CHECK(carat::ValidateConfig(config->text).has_value() && config->target_hidden > 0);
  const auto weights = carat::BindDrafter(*config, gguf.tensors());
  CARAT_CHECK(!weights.has_value() || !weights->pre_projection.empty());
}

void Embedders(const carat::Gguf& gguf) {
  const auto config = carat::EmbedderConfigFromGguf(gguf);
  if (!config.has_value()) return;
  const auto weights = carat::BindEmbeddersGguf(*config, gguf.tensors());
  if (!weights.has_value()) return;
  CARAT_CHECK(weights->vision.has_value() == config->vision.has_value());
  CARAT_CHECK(weights->audio_projection.empty() == !config->audio.has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto gguf = carat::Gguf::Parse(std::as_bytes(std::span(data, size)));
  if (!gguf.has_value()) return 0;
  Vocabulary(*gguf);
  Model(*gguf);
  Drafter(*gguf);
  Embedders(*gguf);
  return 0;
}
