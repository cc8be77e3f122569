// /v1/carat/models: models by name. The program does what touches files (ModelHooks).
//   GET    {"loaded", "models": [{"name", "bytes"}],
//          "pulls": [{"name", "state": "running", "done" or "failed", "part", "error"?}],
//          "offers": [{"name", "description", "download_bytes", "disk_bytes", "memory_bytes",
//                      "fits_disk", "fits_memory"}]}: what can be pulled, and what of it this
//          machine can hold
//   POST …/load {"model"}    in place of the loaded one, whose answers are cancelled
//   POST …/unload            {"unloaded"}
//   POST …/pull {"model"}    202; only names that are compiled in
#pragma once

#include <string_view>

#include "api/api.h"

namespace carat {

void ListStoredModels(Api& api, Call& call);
void LoadModel(Api& api, Call& call);
void UnloadModel(Api& api, Call& call);
void PullModel(Api& api, Call& call);

// A name, and nothing that could lead to a file or an address: as store/model_directory.h has it.
bool IsPlainModelName(std::string_view name);

}  // namespace carat
