#include "api/carat/models.h"

#include <algorithm>
#include <utility>

#include "api/fields.h"
#include "base/utf8.h"

namespace carat {
namespace {

bool IsPlainPart(std::string_view part) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !part.empty() && part.size() <= 64 && letter(part.front()) &&
         std::ranges::all_of(part,
                             [&](char c) { return letter(c) || c == '.' || c == '_' || c == '-'; });
}

const ApiError kNotHere{.status = 501,
                        .code = "unsupported",
                        .message = "This server was started without a model directory."};

Result<std::string> ModelOf(const Call& call) {
  CARAT_ASSIGN(const Json body, call.ParseBody());
  CARAT_ASSIGN(Fields fields, Fields::Of(body, ""));
  CARAT_ASSIGN(std::string name, fields.RequireString("model"));
  CARAT_TRY(fields.Done());
  if (!IsPlainModelName(name)) {
    return Fail({.what = "not a name of a model",
                 .where = "model",
                 .wanted = "letters, digits, '.', '_' and '-', and a tag behind ':'",
                 .found = Quoted(name, 40)});
  }
  return name;
}

// The error for a model that is not in the directory.
std::optional<ApiError> CheckStored(const ModelHooks& hooks, const std::string& name) {
  const auto stored = hooks.list();
  if (!stored) return ToApiError(stored.error());
  if (std::ranges::find(*stored, name, &ModelHooks::Stored::name) != stored->end()) {
    return std::nullopt;
  }
  return ApiError{.status = 404,
                  .code = "model_not_found",
                  .param = "model",
                  .message = "The model directory has no model of this name."};
}

// Without keeping hold of it: what takes its place needs its memory.
bool IsLoaded(const ModelHost& host, const std::string& name) {
  const std::shared_ptr<LoadedService> loaded = host.Loaded();
  return loaded != nullptr && loaded->name == name;
}

// Sends the refusal where the key may not change which model is loaded.
bool MayManage(Api& api, Call& call) {
  if (api.access().Manages(call.owner)) return true;
  call.SendError({.status = 403,
                  .code = "not_a_manager",
                  .message = "This key may not load, unload or pull models: it is not the first of "
                             "the key file, and \"manages\" does not stand beside it."});
  return false;
}

Json OffersOf(const ModelHooks& hooks) {
  Json::Array offers;
  if (!hooks.offers) return Json(std::move(offers));
  for (const ModelHooks::Offer& offer : hooks.offers()) {
    Json one;
    one.Set("name", offer.name);
    one.Set("description", offer.description);
    one.Set("download_bytes", static_cast<int64_t>(offer.download));
    one.Set("disk_bytes", static_cast<int64_t>(offer.disk));
    one.Set("memory_bytes", static_cast<int64_t>(offer.memory));
    one.Set("fits_disk", offer.fits_disk);
    one.Set("fits_memory", offer.fits_memory);
    offers.push_back(std::move(one));
  }
  return Json(std::move(offers));
}

// `all`: with what went wrong, which may tell of the machine.
Json PullsOf(const ModelHooks& hooks, bool all) {
  Json::Array pulls;
  if (!hooks.pulls) return Json(std::move(pulls));
  for (const ModelHooks::Pull& pull : hooks.pulls()) {
    Json one;
    one.Set("name", pull.name);
    one.Set("state", pull.state);
    one.Set("part", pull.part);
    if (all && !pull.error.empty()) one.Set("error", pull.error);
    pulls.push_back(std::move(one));
  }
  return Json(std::move(pulls));
}

}  // namespace

bool IsPlainModelName(std::string_view name) {
  const size_t colon = name.find(':');
  if (colon == std::string_view::npos) return IsPlainPart(name);
  return IsPlainPart(name.substr(0, colon)) && IsPlainPart(name.substr(colon + 1));
}

void ListStoredModels(Api& api, Call& call) {
  const ModelHooks& hooks = api.options().models;
  Json::Array models;
  if (hooks.list) {
    const auto stored = hooks.list();
    if (!stored) return call.SendError(ToApiError(stored.error()));
    for (const ModelHooks::Stored& model : *stored) {
      Json one;
      one.Set("name", model.name);
      one.Set("bytes", static_cast<int64_t>(model.bytes));
      models.push_back(std::move(one));
    }
  }
  const std::shared_ptr<LoadedService> loaded = api.host().Loaded();
  Json body;
  body.Set("loaded", loaded == nullptr ? Json() : Json(loaded->name));
  body.Set("models", Json(std::move(models)));
  body.Set("pulls", PullsOf(hooks, api.access().Manages(call.owner)));
  body.Set("offers", OffersOf(hooks));
  call.SendJson(body);
}

void LoadModel(Api& api, Call& call) {
  if (!MayManage(api, call)) return;
  const Result<std::string> name = ModelOf(call);
  if (!name) return call.SendError(ToApiError(name.error()));
  const bool is_loaded = IsLoaded(api.host(), *name);
  if (!is_loaded && !api.options().models.list) return call.SendError(kNotHere);
  if (const auto missing = is_loaded ? std::nullopt : CheckStored(api.options().models, *name)) {
    return call.SendError(*missing);
  }
  if (const Status loaded = api.host().Load(*name); !loaded) {
    return call.SendError(ToApiError(loaded.error()));
  }
  Json body;
  body.Set("loaded", *name);
  call.SendJson(body);
}

void UnloadModel(Api& api, Call& call) {
  if (!MayManage(api, call)) return;
  Json body;
  body.Set("unloaded", api.host().Unload());
  call.SendJson(body);
}

void PullModel(Api& api, Call& call) {
  if (!MayManage(api, call)) return;
  const Result<std::string> name = ModelOf(call);
  if (!name) return call.SendError(ToApiError(name.error()));
  if (!api.options().models.pull) return call.SendError(kNotHere);
  if (const Status begun = api.options().models.pull(*name); !begun) {
    return call.SendError(ToApiError(begun.error()));
  }
  Json body;
  body.Set("pulling", *name);
  call.exchange.Send({.status = 202, .body = body.Dump()});
}

}  // namespace carat
