// Input: a model.safetensors.index.json. The names that it gives stay inside the folder.
//
// DEPS: weights
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "weights/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto json = carat::ParseJson({reinterpret_cast<const char*>(data), size});
  if (!json.has_value()) return 0;
  const auto shards = carat::ShardNames(*json);
  if (!shards.has_value()) return 0;
  for (const std::string& shard : *shards)
    CARAT_CHECK(!shard.empty() && shard != ".." && shard.find('/') == std::string::npos);
  return 0;
}
