// Messages of conversations, and what is found in them.
#include <algorithm>
#include <map>

#include "history/state.h"
#include "sys/clock.h"
#include "sys/ids.h"

namespace carat {
namespace {

const Json::Array& PartsOf(const Json& body) {
  static const Json::Array kNone;
  const Json* const content = body.Find("content");
  return content != nullptr && content->is_array() ? content->array() : kNone;
}

// For LIKE … ESCAPE '\'.
std::string Pattern(std::string_view text) {
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + "%";
}

// A phrase of FTS5.
std::string Phrase(std::string_view text) {
  std::string phrase = "\"";
  for (const char c : text) {
    if (c == '"') phrase += '"';
    phrase += c;
  }
  return phrase + "\"";
}

size_t CodePoints(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

std::string TextOf(const Json& body) {
  std::string text = StringIn(body, "content");
  for (const Json& part : PartsOf(body)) {
    const std::string piece = StringIn(part, "text");
    if (!text.empty() && !piece.empty()) text += "\n";
    text += piece;
  }
  return text;
}

Result<History::State::MessagePlace> History::State::PlaceOf(const std::string& owner,
                                                             const std::string& message) {
  CARAT_ASSIGN(Statement find,
               database.Prepare("SELECT m.number, c.number, c.id, coalesce(p.id, ''),"
                                " coalesce(p.number, 0), m.role"
                                " FROM messages m JOIN conversations c ON c.number = m.conversation"
                                " LEFT JOIN messages p ON p.number = m.parent"
                                " WHERE m.id = ? AND c.owner = ?"));
  CARAT_ASSIGN(const bool found, find.With(message, owner).Step());
  if (!found) return Fail(NotInHistory("message"));
  return MessagePlace{.row = find.Int(0),
                      .conversation_row = find.Int(1),
                      .conversation = find.Text(2),
                      .parent = find.Text(3),
                      .parent_row = find.Int(4),
                      .role = find.Text(5)};
}

Result<int64_t> History::State::Insert(const std::string& owner, int64_t conversation,
                                       int64_t parent, const std::string& id,
                                       const HistoryMessage& message) {
  CARAT_ASSIGN(Statement insert,
               database.Prepare("INSERT INTO messages (id, conversation, parent, role, body, text,"
                                " state, created_ms) VALUES (?1, ?2, nullif(?3, 0), ?4, ?5, ?6,"
                                " ?7, ?8) RETURNING number"));
  const bool writing = message.state == MessageState::kWriting;
  const int64_t created = message.created_ms != 0 ? message.created_ms : UnixMs();
  CARAT_TRY(insert
                .With(id, conversation, parent, message.role, message.body.Dump(),
                      writing ? std::string() : TextOf(message.body),
                      static_cast<int64_t>(message.state), created)
                .Step());
  const int64_t row = insert.Int(0);
  CARAT_TRY(insert.Run());
  CARAT_TRY(Use(owner, row, message.body));
  return row;
}

// Notes the media that a message names.
Status History::State::Use(const std::string& owner, int64_t message, const Json& body) {
  for (const Json& part : PartsOf(body)) {
    const std::string hash = StringIn(part, "media");
    if (hash.empty()) continue;
    CARAT_ASSIGN(Statement mark, database.Prepare("UPDATE media SET used = 1 WHERE owner = ? AND"
                                                  " hash = ? RETURNING number"));
    CARAT_ASSIGN(const bool found, mark.With(owner, hash).Step());
    if (!found) return Fail(NotInHistory("medium"));
    const int64_t medium = mark.Int(0);
    CARAT_TRY(mark.Run());
    CARAT_ASSIGN(Statement use, database.Prepare("INSERT OR IGNORE INTO uses VALUES (?, ?)"));
    CARAT_TRY(use.With(message, medium).Run());
  }
  return {};
}

Result<std::string> History::Add(const std::string& owner, const std::string& conversation,
                                 const HistoryMessage& message) {
  const std::lock_guard lock(state_->mutex);
  CARAT_ASSIGN(const int64_t row, state_->ConversationRow(owner, conversation));
  int64_t parent = 0;
  if (!message.parent.empty()) {
    CARAT_ASSIGN(const State::MessagePlace place, state_->PlaceOf(owner, message.parent));
    if (place.conversation_row != row) return Fail(NotInHistory("message"));
    parent = place.row;
  }
  std::string id = NewId("msg_");
  CARAT_ASSIGN(auto transaction, Database::Transaction::Begin(state_->database));
  CARAT_TRY(state_->Insert(owner, row, parent, id, message));
  CARAT_TRY(state_->Touch(row, &id));
  CARAT_TRY(transaction.Commit());
  state_->Note(owner, conversation);
  return id;
}

Result<std::string> History::ConversationOf(const std::string& owner,
                                            const std::string& message) const {
  const std::lock_guard lock(state_->mutex);
  CARAT_ASSIGN(State::MessagePlace place, state_->PlaceOf(owner, message));
  return std::move(place.conversation);
}

Status History::Rewrite(const std::string& owner, const std::string& message, const Json& body,
                        MessageState state) {
  const std::lock_guard lock(state_->mutex);
  CARAT_ASSIGN(const State::MessagePlace place, state_->PlaceOf(owner, message));
  const bool writing = state == MessageState::kWriting;
  CARAT_ASSIGN(auto transaction, Database::Transaction::Begin(state_->database));
  // What is written is searched once it is whole.
  CARAT_ASSIGN(Statement set, state_->database.Prepare(
                                  "UPDATE messages SET body = ?, state = ? WHERE number = ?"));
  CARAT_TRY(set.With(body.Dump(), static_cast<int64_t>(state), place.row).Run());
  if (!writing) {
    CARAT_ASSIGN(Statement text,
                 state_->database.Prepare("UPDATE messages SET text = ? WHERE number = ?"));
    CARAT_TRY(text.With(TextOf(body), place.row).Run());
    CARAT_TRY(state_->Use(owner, place.row, body));
    CARAT_TRY(state_->Touch(place.conversation_row, nullptr));
  }
  CARAT_TRY(transaction.Commit());
  if (!writing) state_->Note(owner, place.conversation);
  return {};
}

Result<std::string> History::State::LeafBeside(const MessagePlace& gone) {
  CARAT_ASSIGN(Statement version,
               database.Prepare("SELECT number, id FROM messages WHERE conversation = ?1 AND"
                                " parent IS nullif(?2, 0) AND role = ?3"
                                " ORDER BY number DESC LIMIT 1"));
  CARAT_ASSIGN(bool found, version.With(gone.conversation_row, gone.parent_row, gone.role).Step());
  if (!found) return gone.parent;
  int64_t row = version.Int(0);
  std::string id = version.Text(1);
  CARAT_ASSIGN(Statement behind, database.Prepare("SELECT number, id FROM messages WHERE parent = ?"
                                                  " ORDER BY number DESC LIMIT 1"));
  for (;;) {
    CARAT_ASSIGN(found, behind.With(row).Step());
    if (!found) return id;
    row = behind.Int(0);
    id = behind.Text(1);
  }
}

Status History::DeleteMessage(const std::string& owner, const std::string& message) {
  std::unique_lock lock(state_->mutex);
  CARAT_ASSIGN(const State::MessagePlace place, state_->PlaceOf(owner, message));
  CARAT_ASSIGN(auto transaction, Database::Transaction::Begin(state_->database));
  CARAT_ASSIGN(Statement remove,
               state_->database.Prepare(
                   "WITH RECURSIVE gone (number) AS (SELECT ?1 UNION ALL SELECT m.number FROM"
                   " messages m, gone WHERE m.parent = gone.number)"
                   " DELETE FROM messages WHERE number IN (SELECT number FROM gone)"));
  CARAT_TRY(remove.With(place.row).Run());
  CARAT_ASSIGN(const std::string beside, state_->LeafBeside(place));
  CARAT_ASSIGN(Statement leaf,
               state_->database.Prepare("UPDATE conversations SET leaf = ?1, updated_ms = ?2 WHERE"
                                        " number = ?3 AND NOT EXISTS (SELECT 1 FROM messages WHERE"
                                        " id = leaf)"));
  CARAT_TRY(leaf.With(beside, UnixMs(), place.conversation_row).Run());
  CARAT_TRY(transaction.Commit());
  state_->Note(owner, place.conversation);
  CARAT_TRY(state_->SweepMedia());
  return state_->Forget(lock);
}

Result<std::string> History::Import(const std::string& owner,
                                    const HistoryConversation& conversation) {
  const std::lock_guard lock(state_->mutex);
  struct Imported {
    int64_t row;
    std::string id;
  };
  std::map<std::string, Imported> known;  // by the ids that they had
  CARAT_ASSIGN(auto transaction, Database::Transaction::Begin(state_->database));
  CARAT_ASSIGN(Statement insert,
               state_->database.Prepare("INSERT INTO conversations (id, owner, title, settings,"
                                        " leaf, created_ms, updated_ms)"
                                        " VALUES (?, ?, ?, ?, '', ?, ?) RETURNING number"));
  std::string id = NewId("conv_");
  const int64_t now = UnixMs();
  const int64_t created = conversation.created_ms != 0 ? conversation.created_ms : now;
  CARAT_TRY(insert.With(id, owner, conversation.title, conversation.settings.Dump(), created, now)
                .Step());
  const int64_t row = insert.Int(0);
  CARAT_TRY(insert.Run());
  for (HistoryMessage message : conversation.messages) {
    const auto parent = known.find(message.parent);
    if (!message.parent.empty() && parent == known.end()) {
      return Fail({.what = "a message stands before its parent", .where = message.id});
    }
    if (message.state == MessageState::kWriting) message.state = MessageState::kCut;
    const std::string own = NewId("msg_");
    CARAT_ASSIGN(
        const int64_t number,
        state_->Insert(owner, row, parent == known.end() ? 0 : parent->second.row, own, message));
    if (!known.emplace(message.id, Imported{number, own}).second) {
      return Fail({.what = "two messages have this id", .where = message.id});
    }
  }
  std::string shown = conversation.leaf;
  if (shown.empty() && !conversation.messages.empty()) shown = conversation.messages.back().id;
  if (!shown.empty()) {
    const auto leaf = known.find(shown);
    if (leaf == known.end()) return Fail({.what = "no such message", .where = "leaf"});
    CARAT_TRY(state_->Touch(row, &leaf->second.id));
  }
  CARAT_TRY(transaction.Commit());
  state_->Note(owner, id);
  return id;
}

Result<std::vector<HistoryHit>> History::Search(const std::string& owner, std::string_view text,
                                                size_t limit) const {
  const std::lock_guard lock(state_->mutex);
  std::vector<HistoryHit> hits;
  const auto most = static_cast<int64_t>(limit);
  const auto take = [&](Statement& select, bool of_title) -> Status {
    while (hits.size() < limit) {
      CARAT_ASSIGN(const bool more, select.Step());
      if (!more) break;
      hits.push_back({.conversation = select.Text(0),
                      .message = of_title ? std::string() : select.Text(1),
                      .title = select.Text(2),
                      .snippet = select.Text(3)});
    }
    return {};
  };
  CARAT_ASSIGN(Statement titles,
               state_->database.Prepare("SELECT id, '', title, title FROM conversations WHERE"
                                        " owner = ?1 AND title LIKE ?2 ESCAPE '\\'"
                                        " ORDER BY updated_ms DESC LIMIT ?3"));
  CARAT_TRY(take(titles.With(owner, Pattern(text), most), true));
  // The index knows parts of three letters and more.
  const bool indexed = CodePoints(text) >= 3;
  CARAT_ASSIGN(
      Statement messages,
      state_->database.Prepare(
          indexed ? "SELECT c.id, m.id, c.title, snippet(texts, 0, '', '', '…', 64) FROM texts"
                    " JOIN messages m ON m.number = texts.rowid JOIN conversations c ON"
                    " c.number = m.conversation WHERE texts MATCH ?2 AND c.owner = ?1"
                    " ORDER BY m.number DESC LIMIT ?3"
                  : "SELECT c.id, m.id, c.title, substr(m.text, 1, 160) FROM messages m JOIN"
                    " conversations c ON c.number = m.conversation WHERE c.owner = ?1 AND"
                    " m.text LIKE ?2 ESCAPE '\\' ORDER BY m.number DESC LIMIT ?3"));
  CARAT_TRY(take(messages.With(owner, indexed ? Phrase(text) : Pattern(text), most), false));
  return hits;
}

}  // namespace carat
