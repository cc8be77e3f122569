// What an owner has beside conversations: tokens of pages, and presets.
#include <fmt/format.h>

#include "history/state.h"

namespace carat {

// --- tokens --------------------------------------------------------------------------------------

Status History::KeepToken(const std::string& digest, const HistoryToken& token) {
  const std::lock_guard lock(state_->mutex);
  CARAT_ASSIGN(Statement insert,
               state_->database.Prepare("INSERT OR REPLACE INTO tokens VALUES (?, ?, ?, ?)"));
  return insert.With(digest, token.owner, token.mark, token.created_ms).Run();
}

Result<std::map<std::string, HistoryToken>> History::Tokens() const {
  const std::lock_guard lock(state_->mutex);
  CARAT_ASSIGN(Statement all,
               state_->database.Prepare("SELECT digest, owner, mark, created_ms FROM tokens"));
  std::map<std::string, HistoryToken> tokens;
  for (;;) {
    CARAT_ASSIGN(const bool more, all.Step());
    if (!more) return tokens;
    tokens.emplace(
        all.Text(0),
        HistoryToken{.owner = all.Text(1), .mark = all.Text(2), .created_ms = all.Int(3)});
  }
}

Status History::DropToken(const std::string& digest) {
  const std::lock_guard lock(state_->mutex);
  CARAT_ASSIGN(Statement drop, state_->database.Prepare("DELETE FROM tokens WHERE digest = ?"));
  return drop.With(digest).Run();
}

Status History::DropTokens(const std::string& owner) {
  const std::lock_guard lock(state_->mutex);
  CARAT_ASSIGN(Statement drop, state_->database.Prepare("DELETE FROM tokens WHERE owner = ?"));
  return drop.With(owner).Run();
}

// --- presets -------------------------------------------------------------------------------------

Result<std::vector<HistoryPreset>> History::Presets(const std::string& owner) const {
  const std::lock_guard lock(state_->mutex);
  CARAT_ASSIGN(Statement all, state_->database.Prepare("SELECT name, settings FROM presets WHERE"
                                                       " owner = ? ORDER BY name"));
  all.With(owner);
  std::vector<HistoryPreset> presets;
  for (;;) {
    CARAT_ASSIGN(const bool more, all.Step());
    if (!more) return presets;
    HistoryPreset preset{.name = all.Text(0)};
    CARAT_ASSIGN(preset.settings, ParseJson(all.Text(1)));
    presets.push_back(std::move(preset));
  }
}

Status History::KeepPreset(const std::string& owner, const HistoryPreset& preset) {
  const std::lock_guard lock(state_->mutex);
  CARAT_ASSIGN(auto transaction, Database::Transaction::Begin(state_->database));
  CARAT_ASSIGN(Statement put,
               state_->database.Prepare("INSERT OR REPLACE INTO presets VALUES (?, ?, ?)"));
  CARAT_TRY(put.With(owner, preset.name, preset.settings.Dump()).Run());
  CARAT_ASSIGN(Statement count,
               state_->database.Prepare("SELECT count(*) FROM presets WHERE owner = ?"));
  CARAT_TRY(count.With(owner).Step());
  const auto presets = static_cast<size_t>(count.Int(0));
  CARAT_TRY(count.Run());
  if (presets > kMaxPresets) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "too many presets",
                 .wanted = fmt::format("at most {}", kMaxPresets)});
  }
  CARAT_TRY(transaction.Commit());
  state_->Note(owner, "");
  return state_->database.Forget();  // what the name meant before
}

Status History::DropPreset(const std::string& owner, const std::string& name) {
  const std::lock_guard lock(state_->mutex);
  CARAT_ASSIGN(Statement drop,
               state_->database.Prepare("DELETE FROM presets WHERE owner = ? AND name = ?"
                                        " RETURNING 1"));
  CARAT_ASSIGN(const bool found, drop.With(owner, name).Step());
  CARAT_TRY(drop.Run());
  if (!found) return Fail(NotInHistory("preset"));
  state_->Note(owner, "");
  return state_->database.Forget();
}

}  // namespace carat
