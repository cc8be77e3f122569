// Input: a config.json, read as the model's, the drafter's and the embedders'. What is accepted
// passes the validator that all kinds of files share.
//
// DEPS: model
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/utf8.h"
#include "model/config.h"
#include "model/drafter_weights.h"
#include "model/embedder_weights.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto json = carat::ParseJson({reinterpret_cast<const char*>(data), size});
  if (!json.has_value()) return 0;
  if (const auto embedders = carat::EmbedderConfigFromHuggingFace(*json); embedders.has_value()) {
    CARAT_CHECK(embedders->hidden > 0);
    CARAT_CHECK(!embedders->vision || embedders->vision->patch_values() > 0);
  }
  if (const auto drafter = carat::DrafterConfigFromHuggingFace(*json); drafter.has_value()) {
    CARAT_CHECK(carat::ValidateConfig(drafter->text).has_value() && drafter->target_hidden > 0);
  }
  const auto config = carat::ConfigFromHuggingFace(*json);
  if (!config.has_value()) {
    CARAT_CHECK(!config.error().what.empty() && carat::IsValidUtf8(config.error().what));
    return 0;
  }
  CARAT_CHECK(carat::ValidateConfig(*config).has_value());
  CARAT_CHECK(config->is_global.back() && config->embedding_scale >= 1);
  CARAT_CHECK(config->pad >= 0 && config->pad < config->vocab_size);
  CARAT_CHECK(config->image < config->vocab_size);
  return 0;
}
