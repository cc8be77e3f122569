#include "history/history.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <set>
#include <thread>

#include "history/state.h"
#include "sys/clock.h"
#include "sys/ids.h"

namespace carat {
namespace {

namespace fs = std::filesystem;

constexpr int32_t kApplication = 0x63617232;  // "car2"
// The parent of a message is checked at the end of a transaction: a conversation of thousands of
// turns goes in one statement. Search takes any part of a word, in any language.
constexpr std::array<std::string_view, 3> kMigrations = {R"(
CREATE TABLE conversations (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, title TEXT NOT NULL,
  settings TEXT NOT NULL, leaf TEXT NOT NULL, created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL) STRICT;
CREATE INDEX conversations_by_time ON conversations (owner, updated_ms, number);
CREATE TABLE messages (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
  conversation INTEGER NOT NULL REFERENCES conversations (number) ON DELETE CASCADE,
  parent INTEGER REFERENCES messages (number) DEFERRABLE INITIALLY DEFERRED,
  role TEXT NOT NULL, body TEXT NOT NULL, text TEXT NOT NULL, state INTEGER NOT NULL,
  created_ms INTEGER NOT NULL) STRICT;
CREATE INDEX messages_of ON messages (conversation);
CREATE INDEX messages_behind ON messages (parent);
CREATE TABLE media (
  number INTEGER PRIMARY KEY, owner TEXT NOT NULL, hash TEXT NOT NULL, type TEXT NOT NULL,
  bytes INTEGER NOT NULL, kept_ms INTEGER NOT NULL, used INTEGER NOT NULL,
  UNIQUE (owner, hash)) STRICT;
CREATE INDEX media_by_hash ON media (hash);
CREATE TABLE uses (
  message INTEGER NOT NULL REFERENCES messages (number) ON DELETE CASCADE,
  medium INTEGER NOT NULL REFERENCES media (number),
  PRIMARY KEY (message, medium)) STRICT, WITHOUT ROWID;
CREATE INDEX uses_of ON uses (medium);
CREATE VIRTUAL TABLE texts USING fts5 (
  text, content = 'messages', content_rowid = 'number', tokenize = 'trigram');
CREATE TRIGGER text_added AFTER INSERT ON messages BEGIN
  INSERT INTO texts (rowid, text) VALUES (new.number, new.text);
END;
CREATE TRIGGER text_gone AFTER DELETE ON messages BEGIN
  INSERT INTO texts (texts, rowid, text) VALUES ('delete', old.number, old.text);
END;
CREATE TRIGGER text_changed AFTER UPDATE OF text ON messages BEGIN
  INSERT INTO texts (texts, rowid, text) VALUES ('delete', old.number, old.text);
  INSERT INTO texts (rowid, text) VALUES (new.number, new.text);
END;)",
                                                         R"(
CREATE TABLE tokens (
  digest TEXT PRIMARY KEY, owner TEXT NOT NULL, created_ms INTEGER NOT NULL) STRICT,
  WITHOUT ROWID;)",
                                                         R"(
DROP TABLE tokens;
CREATE TABLE tokens (
  digest TEXT PRIMARY KEY, owner TEXT NOT NULL, mark TEXT NOT NULL, created_ms INTEGER NOT NULL)
  STRICT, WITHOUT ROWID;
CREATE TABLE presets (
  owner TEXT NOT NULL, name TEXT NOT NULL, settings TEXT NOT NULL, PRIMARY KEY (owner, name))
  STRICT, WITHOUT ROWID;)"};

constexpr size_t kMaxChanges = 1024;
// All segments of the index into one, some hundred pages at a time.
constexpr std::string_view kMergeStep = "INSERT INTO texts (texts, rank) VALUES ('merge', -256)";

Status MakeFolder(const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return Fail({.code = ErrorCode::kIo,
               .what = "the folder can't be made",
               .where = folder.string(),
               .found = std::strerror(errno)});
}

// A copy that nobody has moved: named as nobody would name a folder.
constexpr std::string_view kMoving = ".carat-moving-";

bool IsInside(const fs::path& path, const fs::path& folder) {
  std::error_code ignored;
  const fs::path whole = fs::weakly_canonical(path, ignored);
  const fs::path outer = fs::weakly_canonical(folder, ignored);
  return std::ranges::mismatch(outer, whole).in1 == outer.end();
}

constexpr std::string_view kConversation =
    "SELECT id, title, settings, leaf, created_ms, updated_ms FROM conversations ";

Result<HistoryConversation> ConversationIn(const Statement& row) {
  HistoryConversation read{.id = row.Text(0), .title = row.Text(1)};
  CARAT_ASSIGN(read.settings, ParseJson(row.Text(2)));
  read.leaf = row.Text(3);
  read.created_ms = row.Int(4);
  read.updated_ms = row.Int(5);
  return read;
}

}  // namespace

// --- what the parts share ------------------------------------------------------------------------

Error NotInHistory(std::string_view what) {
  return {.code = ErrorCode::kNotFound, .what = "there is no such " + std::string(what)};
}

Result<int64_t> History::State::ConversationRow(const std::string& owner, const std::string& id) {
  CARAT_ASSIGN(Statement find,
               database.Prepare("SELECT number FROM conversations WHERE id = ? AND owner = ?"));
  CARAT_ASSIGN(const bool found, find.With(id, owner).Step());
  if (!found) return Fail(NotInHistory("conversation"));
  return find.Int(0);
}

Status History::State::Touch(int64_t conversation, const std::string* leaf) {
  CARAT_ASSIGN(Statement touch, database.Prepare("UPDATE conversations SET updated_ms = ?,"
                                                 " leaf = coalesce(?, leaf) WHERE number = ?"));
  if (leaf == nullptr) return touch.With(UnixMs(), nullptr, conversation).Run();
  return touch.With(UnixMs(), *leaf, conversation).Run();
}

void History::State::Note(const std::string& owner, const std::string& conversation) {
  changes.push_back({.number = ++last_change, .owner = owner, .conversation = conversation});
  if (changes.size() > kMaxChanges) changes.pop_front();
  changed.notify_all();
}

// The index keeps what was deleted until all of it is merged (SQLite's FTS5, 6.8: a step that
// changes less than two rows was the last).
Status History::State::Forget(std::unique_lock<std::mutex>& lock) {
  const auto rows = [&]() -> Result<int64_t> {
    CARAT_ASSIGN(Statement total, database.Prepare("SELECT total_changes()"));
    CARAT_TRY(total.Step());
    return total.Int(0);
  };
  for (;;) {
    CARAT_ASSIGN(const int64_t before, rows());
    CARAT_TRY(database.Run(kMergeStep));
    CARAT_ASSIGN(const int64_t after, rows());
    if (after - before < 2) break;
    lock.unlock();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // a mutex is not fair
    lock.lock();
  }
  RemoveMoving();
  return database.Forget();
}

// --- opening -------------------------------------------------------------------------------------

History::History(std::unique_ptr<State> state) : state_(std::move(state)) {}
History::~History() { state_->RemoveMoving(); }

Result<std::unique_ptr<History>> History::Open(const fs::path& folder) {
  CARAT_TRY(MakeFolder(folder));
  CARAT_TRY(MakeFolder(folder / "media"));
  CARAT_ASSIGN(Database database, Database::Open(folder / "history.db", kApplication, kMigrations));
  auto state = std::make_unique<State>(std::move(database), folder);
  // Nobody writes them any more. A program that was killed has left what it had deleted.
  CARAT_TRY(state->database.Run("UPDATE messages SET state = 2 WHERE state = 1"));
  CARAT_TRY(state->SweepMedia());
  {
    std::unique_lock lock(state->mutex);
    CARAT_TRY(state->Forget(lock));
  }
  return std::unique_ptr<History>(new History(std::move(state)));
}

// --- conversations -------------------------------------------------------------------------------

Result<std::vector<HistoryConversation>> History::List(const std::string& owner, size_t limit,
                                                       const std::string& before) const {
  const std::lock_guard lock(state_->mutex);
  int64_t before_row = INT64_MAX;
  if (!before.empty()) {
    CARAT_ASSIGN(before_row, state_->ConversationRow(owner, before));
  }
  CARAT_ASSIGN(Statement select,
               state_->database.Prepare(std::string(kConversation) +
                                        "WHERE owner = ?1 AND (updated_ms, number) < "
                                        "(coalesce((SELECT updated_ms FROM conversations WHERE "
                                        "number = ?2), 9223372036854775807), ?2)"
                                        " ORDER BY updated_ms DESC, number DESC LIMIT ?3"));
  select.With(owner, before_row, static_cast<int64_t>(limit));
  std::vector<HistoryConversation> list;
  for (;;) {
    CARAT_ASSIGN(const bool more, select.Step());
    if (!more) return list;
    CARAT_ASSIGN(HistoryConversation read, ConversationIn(select));
    list.push_back(std::move(read));
  }
}

Result<HistoryConversation> History::Get(const std::string& owner, const std::string& id) const {
  const std::lock_guard lock(state_->mutex);
  CARAT_ASSIGN(const int64_t row, state_->ConversationRow(owner, id));
  CARAT_ASSIGN(Statement select,
               state_->database.Prepare(std::string(kConversation) + "WHERE number = ?"));
  CARAT_TRY(select.With(row).Step());
  CARAT_ASSIGN(HistoryConversation read, ConversationIn(select));
  CARAT_ASSIGN(Statement messages,
               state_->database.Prepare(
                   "SELECT m.id, coalesce(p.id, ''), m.role, m.body, m.state, m.created_ms"
                   " FROM messages m LEFT JOIN messages p ON p.number = m.parent"
                   " WHERE m.conversation = ? ORDER BY m.number"));
  messages.With(row);
  for (;;) {
    CARAT_ASSIGN(const bool more, messages.Step());
    if (!more) return read;
    HistoryMessage message{
        .id = messages.Text(0), .parent = messages.Text(1), .role = messages.Text(2)};
    CARAT_ASSIGN(message.body, ParseJson(messages.Text(3)));
    message.state = static_cast<MessageState>(messages.Int(4));
    message.created_ms = messages.Int(5);
    read.messages.push_back(std::move(message));
  }
}

Result<std::string> History::Create(const std::string& owner, const std::string& title,
                                    const Json& settings) {
  const std::lock_guard lock(state_->mutex);
  CARAT_ASSIGN(Statement insert,
               state_->database.Prepare("INSERT INTO conversations (id, owner, title, settings,"
                                        " leaf, created_ms, updated_ms)"
                                        " VALUES (?1, ?2, ?3, ?4, '', ?5, ?5)"));
  std::string id = NewId("conv_");
  CARAT_TRY(insert.With(id, owner, title, settings.Dump(), UnixMs()).Run());
  state_->Note(owner, id);
  return id;
}

Status History::Change(const std::string& owner, const std::string& id,
                       const std::optional<std::string>& title, const std::optional<Json>& settings,
                       const std::optional<std::string>& leaf) {
  const std::lock_guard lock(state_->mutex);
  CARAT_ASSIGN(const int64_t row, state_->ConversationRow(owner, id));
  CARAT_ASSIGN(auto transaction, Database::Transaction::Begin(state_->database));
  if (leaf) {
    CARAT_ASSIGN(const State::MessagePlace place, state_->PlaceOf(owner, *leaf));
    if (place.conversation_row != row) return Fail(NotInHistory("message"));
    CARAT_TRY(state_->Touch(row, &*leaf));
  }
  if (title) {
    CARAT_ASSIGN(Statement set,
                 state_->database.Prepare("UPDATE conversations SET title = ? WHERE number = ?"));
    CARAT_TRY(set.With(*title, row).Run());
  }
  if (settings) {
    CARAT_ASSIGN(Statement set, state_->database.Prepare(
                                    "UPDATE conversations SET settings = ? WHERE number = ?"));
    CARAT_TRY(set.With(settings->Dump(), row).Run());
  }
  CARAT_TRY(transaction.Commit());
  state_->Note(owner, id);
  // What was there before is gone from the log too.
  return title || settings ? state_->database.Forget() : Status();
}

Status History::Delete(const std::string& owner, const std::string& id) {
  std::unique_lock lock(state_->mutex);
  CARAT_ASSIGN(const int64_t row, state_->ConversationRow(owner, id));
  CARAT_ASSIGN(Statement remove,
               state_->database.Prepare("DELETE FROM conversations WHERE number = ?"));
  CARAT_TRY(remove.With(row).Run());
  state_->Note(owner, id);
  CARAT_TRY(state_->SweepMedia());
  return state_->Forget(lock);
}

// --- changes -------------------------------------------------------------------------------------

std::vector<HistoryChange> History::WaitForChanges(const std::string& owner, uint64_t after,
                                                   int64_t timeout_ms) const {
  std::unique_lock lock(state_->mutex);
  std::vector<HistoryChange> found;
  const auto look = [&] {
    for (const HistoryChange& change : state_->changes)
      if (change.number > after && change.owner == owner) found.push_back(change);
    return !found.empty();
  };
  // So long ago that nobody knows what has changed since, or of another program.
  const bool lost = after > state_->last_change ||
                    (!state_->changes.empty() && after + 1 < state_->changes.front().number);
  if (lost) return {{.number = state_->last_change, .owner = owner}};
  state_->changed.wait_for(lock, std::chrono::milliseconds(timeout_ms), look);
  return found;
}

uint64_t History::last_change() const {
  const std::lock_guard lock(state_->mutex);
  return state_->last_change;
}

Status History::Backup(const fs::path& folder) const {
  if (IsInside(folder, state_->folder)) {
    return Fail({.what = "a copy can't be inside of what it is a copy of",
                 .where = folder.string(),
                 .wanted = "another folder"});
  }
  return state_->Copy(folder);
}

Result<fs::path> History::BackupHere() const {
  {
    const std::lock_guard lock(state_->mutex);
    state_->RemoveMoving();  // one at a time, at most
  }
  fs::path folder = state_->folder / NewId(kMoving);
  CARAT_TRY(state_->Copy(folder));
  return folder;
}

void History::State::RemoveMoving() {
  if (backups > 0) return;
  std::error_code ignored;
  std::vector<fs::path> found;
  for (const auto& file : fs::directory_iterator(folder, ignored)) {
    if (file.path().filename().string().starts_with(kMoving)) found.push_back(file.path());
  }
  for (const fs::path& path : found) fs::remove_all(path, ignored);
}

Status History::State::Copy(const fs::path& to) {
  if (::mkdir(to.c_str(), 0700) != 0) {
    return Fail({.code = ErrorCode::kIo,
                 .what = "the folder for the copy can't be made",
                 .where = to.string(),
                 .wanted = "a name that is not there yet",
                 .found = std::strerror(errno)});
  }
  Status done = CopyInto(to);
  if (done) return {};
  std::error_code ignored;
  fs::remove_all(to, ignored);  // half a copy is none
  return done;
}

Status History::State::CopyInto(const fs::path& to) {
  std::set<std::string> hashes;
  {
    const std::lock_guard lock(mutex);
    CARAT_ASSIGN(Statement copy, database.Prepare("VACUUM INTO ?"));
    CARAT_TRY(copy.With((to / "history.db").string()).Run());
    CARAT_ASSIGN(hashes, Hashes());
    ++backups;
  }
  const Status done = FinishCopy(to, hashes);
  const std::lock_guard lock(mutex);
  --backups;
  static_cast<void>(SweepMedia());  // else in an hour
  return done;
}

Status History::State::FinishCopy(const fs::path& to, const std::set<std::string>& hashes) const {
  std::error_code error;
  fs::permissions(to / "history.db", fs::perms::owner_read | fs::perms::owner_write, error);
  if (!error) fs::create_directory(to / "media", error);
  if (!error) fs::permissions(to / "media", fs::perms::owner_all, error);
  for (const std::string& hash : hashes) {
    if (error) break;
    fs::copy_file(MediumPath(hash), to / "media" / hash, error);
    // The copy is as whole as what it is of.
    if (error == std::errc::no_such_file_or_directory) error.clear();
  }
  if (error) {
    return Fail({.code = ErrorCode::kIo,
                 .what = "the copy is not whole",
                 .where = to.string(),
                 .found = error.message()});
  }
  // A token that is dropped later must not come back with a copy.
  CARAT_ASSIGN(Database copied, Database::Open(to / "history.db", kApplication, kMigrations));
  CARAT_TRY(copied.Run("DELETE FROM tokens"));
  return copied.Forget();
}

}  // namespace carat
