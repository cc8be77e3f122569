#include "api/openai/models.h"

#include <utility>

#include "api/model_choice.h"

namespace carat {
namespace {

// `loaded` may be null.
Json ModelObject(const std::string& name, const LoadedService* loaded) {
  Json model, own;
  model.Set("id", name);
  model.Set("object", "model");
  model.Set("created", 0);  // unknown
  model.Set("owned_by", "google");
  model.Set("type", "model");
  model.Set("display_name", name);
  model.Set("created_at", "1970-01-01T00:00:00Z");
  own.Set("loaded", loaded != nullptr);
  if (loaded != nullptr) {
    const size_t context = loaded->service->status().context;
    const Engine& engine = *loaded->engine;
    Json::Array input = {"text"};
    if (engine.embedders().config.vision) input.insert(input.end(), {"image", "video"});
    if (engine.embedders().config.audio) input.emplace_back("audio");
    model.Set("context_length", context);
    model.Set("max_model_len", context);  // as vLLM calls it
    own.Set("input", Json(std::move(input)));
    own.Set("thinking", true);
    own.Set("tools", true);
    own.Set("drafts", engine.drafter_files() != nullptr);
  }
  model.Set("carat", std::move(own));
  return model;
}

}  // namespace

void ListModels(Api& api, Call& call) {
  const std::string name = api.host().Name();
  const std::shared_ptr<LoadedService> loaded = api.host().Loaded();
  Json list;
  list.Set("object", "list");
  list.Set("data",
           name.empty() ? Json(Json::Array()) : Json(Json::Array{ModelObject(name, loaded.get())}));
  list.Set("has_more", false);
  list.Set("first_id", name);
  list.Set("last_id", name);
  call.SendJson(list);
}

void ShowModel(Api& api, Call& call) {
  const std::string name = api.host().Name();
  if (!NamesModel(call.path_id, name)) return call.SendError(NoSuchModel(call.path_id, name));
  const std::shared_ptr<LoadedService> loaded = api.host().Loaded();
  call.SendJson(ModelObject(name, loaded.get()));
}

}  // namespace carat
