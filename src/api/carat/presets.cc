#include "api/carat/presets.h"

#include <fmt/format.h>

#include "api/carat/branch.h"
#include "api/carat/conversations.h"
#include "api/fields.h"
#include "api/query.h"

namespace carat {
namespace {

constexpr size_t kMaxName = 100;  // bytes

}  // namespace

void ListPresets(Api& api, Call& call) {
  AnswerFromHistory(api, call, [&](History& history) -> Result<Json> {
    CARAT_ASSIGN(const auto presets, history.Presets(call.owner));
    Json::Array shown;
    for (const HistoryPreset& preset : presets) {
      Json one;
      one.Set("name", preset.name);
      one.Set("settings", preset.settings);
      shown.push_back(std::move(one));
    }
    Json body;
    body.Set("presets", Json(std::move(shown)));
    return body;
  });
}

void KeepPreset(Api& api, Call& call) {
  AnswerFromHistory(api, call, [&](History& history) -> Result<Json> {
    CARAT_ASSIGN(const Json json, call.ParseBody());
    CARAT_ASSIGN(Fields fields, Fields::Of(json, ""));
    HistoryPreset preset;
    CARAT_ASSIGN(preset.name, fields.RequireString("name"));
    CARAT_ASSIGN(const Json* const settings, fields.Require("settings"));
    CARAT_TRY(fields.Done());
    if (preset.name.empty() || preset.name.size() > kMaxName) {
      return Fail({.what = "wrong value",
                   .where = "name",
                   .wanted = fmt::format("1 to {} bytes", kMaxName)});
    }
    CARAT_TRY(CheckSettings(*settings));
    preset.settings = *settings;
    CARAT_TRY(history.KeepPreset(call.owner, preset));
    Json body;
    body.Set("name", preset.name);
    return body;
  });
}

void DropPreset(Api& api, Call& call) {
  AnswerFromHistory(api, call, [&](History& history) -> Result<Json> {
    CARAT_ASSIGN(const Json members, ParseTexts(call.request.head.query));
    CARAT_ASSIGN(Fields fields, Fields::Of(members, ""));
    CARAT_ASSIGN(const std::string name, fields.RequireString("name"));
    CARAT_TRY(fields.Done());
    CARAT_TRY(history.DropPreset(call.owner, name));
    Json body;
    body.Set("name", name);
    body.Set("deleted", true);
    return body;
  });
}

void BackupHistory(Api& api, Call& call) {
  const bool by_page = Access::Presented(call.request.head).value_or("").starts_with(kPageToken);
  if (by_page || !api.access().Manages(call.owner)) {
    return call.SendError({.status = 403,
                           .code = "not_a_manager",
                           .message = "This needs a key that manages: the first of the key file, "
                                      "or one with \"manages\" beside it."});
  }
  History* const history = HistoryOf(api, call);
  if (history == nullptr) return;
  const auto folder = history->BackupHere();
  if (!folder) {
    // Who manages may know what is wrong on this machine.
    return call.SendError(
        {.status = 500, .code = "backup_failed", .message = folder.error().Message()});
  }
  Json body;
  body.Set("folder", folder->string());
  call.SendJson(body);
}

}  // namespace carat
