// Input: a config.json. What is accepted passes the validator that both kinds of files share.
// DEPS: model
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/utf8.h"
#include "model/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto json = carat::ParseJson({reinterpret_cast<const char*>(data), size});
  if (!json.has_value()) return 0;
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
