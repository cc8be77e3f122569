#include "api/openai/models.h"

#include <utility>

#include "api/fields.h"
#include "api/model_choice.h"
#include "api/query.h"

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

// Pages of a list of one, as Anthropic's clients ask for them. Which model stands on the page: none
// behind the only one, or before it.
Result<bool> OnPage(std::string_view query, const std::string& name) {
  CARAT_ASSIGN(const Json members, ParseQuery(query));
  CARAT_ASSIGN(Fields fields, Fields::Of(members, ""));
  CARAT_TRY(fields.Int("limit", 1, 1000));
  CARAT_ASSIGN(const auto after, fields.String("after_id"));
  CARAT_ASSIGN(const auto before, fields.String("before_id"));
  fields.Ignore({"client_version", "beta"});  // agents say who they are
  CARAT_TRY(fields.Done());
  return after != name && before != name;
}

}  // namespace

void ListModels(Api& api, Call& call) {
  const std::string name = api.host().Name();
  const auto page = OnPage(call.request.head.query, name);
  if (!page) return call.SendError(ToApiError(page.error()));
  const std::shared_ptr<LoadedService> loaded = api.host().Loaded();
  Json list;
  list.Set("object", "list");
  list.Set("data", name.empty() || !*page ? Json(Json::Array())
                                          : Json(Json::Array{ModelObject(name, loaded.get())}));
  list.Set("has_more", false);
  list.Set("first_id", *page ? Json(name) : Json());
  list.Set("last_id", *page ? Json(name) : Json());
  call.SendJson(list);
}

void ShowModel(Api& api, Call& call) {
  const std::string name = api.host().Name();
  const auto page = OnPage(call.request.head.query, name);
  if (!page) return call.SendError(ToApiError(page.error()));
  if (!NamesModel(call.path_id, name)) return call.SendError(NoSuchModel(call.path_id, name));
  const std::shared_ptr<LoadedService> loaded = api.host().Loaded();
  call.SendJson(ModelObject(name, loaded.get()));
}

}  // namespace carat
