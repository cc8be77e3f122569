#include "api/openai/models.h"

#include <utility>

#include "api/model_choice.h"

namespace carat {
namespace {

Json ModelObject(const LoadedService& loaded) {
  const size_t context = loaded.service->status().context;
  const Engine& engine = *loaded.engine;
  Json::Array input = {"text"};
  if (engine.embedders().config.vision) input.insert(input.end(), {"image", "video"});
  if (engine.embedders().config.audio) input.emplace_back("audio");
  Json own;
  own.Set("input", Json(std::move(input)));
  own.Set("thinking", true);
  own.Set("tools", true);
  own.Set("drafts", engine.drafter_files() != nullptr);
  Json model;
  model.Set("id", loaded.name);
  model.Set("object", "model");
  model.Set("created", 0);  // unknown
  model.Set("owned_by", "google");
  model.Set("context_length", context);
  model.Set("max_model_len", context);  // as vLLM calls it
  model.Set("type", "model");
  model.Set("display_name", loaded.name);
  model.Set("created_at", "1970-01-01T00:00:00Z");
  model.Set("carat", std::move(own));
  return model;
}

}  // namespace

void ListModels(Api& api, Call& call) {
  const auto loaded = ServiceFor(api.host(), std::nullopt);
  if (!loaded) return call.SendError(loaded.error());
  Json list;
  list.Set("object", "list");
  list.Set("data", Json(Json::Array{ModelObject(**loaded)}));
  list.Set("has_more", false);
  list.Set("first_id", (*loaded)->name);
  list.Set("last_id", (*loaded)->name);
  call.SendJson(list);
}

void ShowModel(Api& api, Call& call) {
  const auto loaded = ServiceFor(api.host(), call.path_id);
  if (!loaded) return call.SendError(loaded.error());
  call.SendJson(ModelObject(**loaded));
}

}  // namespace carat
