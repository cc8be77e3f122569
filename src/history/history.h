// History: conversations that stay on this machine, in one folder.
//
//   history.db   conversations, their messages and settings (SQLite), with an index for search
//   media/       pictures, recordings and films, each once, by the SHA-256 of its bytes
//
// A conversation is a tree: every message has a parent, or is the first; an edited question and
// another answer to the same one are siblings. `leaf` is the last message of the branch that is
// shown. What is deleted is gone from all files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/json.h"

namespace carat {

enum class MessageState : uint8_t {
  kWhole,
  kWriting,  // an answer that is being written; its text is a part so far
  kCut,      // the program ended while it was written
};

struct HistoryMessage {
  std::string id = {};
  std::string parent = {};  // empty: the first of its branch
  std::string role = {};    // "user", "assistant"
  // {"content": a string or parts, …}. A part with "media" names a medium of the same owner.
  Json body = {};
  MessageState state = MessageState::kWhole;
  int64_t created_ms = 0;  // Unix time
};

struct HistoryConversation {
  std::string id = {};
  std::string title = {};  // empty: none was given
  Json settings = {};      // an object of whoever shows it
  std::string leaf = {};   // empty: there are no messages
  int64_t created_ms = 0, updated_ms = 0;
  // Of Get alone, parents before children.
  std::vector<HistoryMessage> messages = {};
};

struct HistoryMedium {
  std::string hash = {};  // 64 hexadecimal digits
  std::string type = {};  // "image/png"
  uint64_t bytes = 0;
};

struct HistoryHit {
  std::string conversation = {}, message = {};  // message empty: the title
  std::string title = {};
  std::string snippet = {};  // with what was found in it
};

// What lets a page in; its digest alone is kept.
struct HistoryToken {
  std::string owner = {};
  std::string mark = {};  // of the key that it was given for (Access::Mark)
  int64_t created_ms = 0;
};

struct HistoryPreset {
  std::string name = {};
  Json settings = {};  // as a conversation's
};

// Something of an owner's has changed: what two open pages agree by.
struct HistoryChange {
  uint64_t number = 0;  // rising, from 1 with each program
  std::string owner = {}, conversation = {};
};

// Everything belongs to an owner; for others it is not there (kNotFound). What has returned without
// an error is on the disk. Thread-safe.
class History {
 public:
  // Makes the folder (mode 0700) where it is absent. Errors name a file: see db/database.h.
  static Result<std::unique_ptr<History>> Open(const std::filesystem::path& folder);
  ~History();

  // The newest changes first; `before`: those behind that conversation.
  Result<std::vector<HistoryConversation>> List(const std::string& owner, size_t limit,
                                                const std::string& before = {}) const;
  Result<HistoryConversation> Get(const std::string& owner, const std::string& id) const;
  Result<std::string> Create(const std::string& owner, const std::string& title,
                             const Json& settings);
  // What is absent stays as it is. A leaf must be one of its messages.
  Status Change(const std::string& owner, const std::string& id,
                const std::optional<std::string>& title, const std::optional<Json>& settings,
                const std::optional<std::string>& leaf);
  Status Delete(const std::string& owner, const std::string& id);

  // Behind `message.parent`, and makes it the leaf; gives its id. Media that it names must be there
  // (Keep).
  Result<std::string> Add(const std::string& owner, const std::string& conversation,
                          const HistoryMessage& message);
  // The conversation that a message belongs to.
  Result<std::string> ConversationOf(const std::string& owner, const std::string& message) const;
  // Of a message that is being written.
  Status Rewrite(const std::string& owner, const std::string& message, const Json& body,
                 MessageState state);
  // With all behind it; its parent becomes the leaf where the leaf was among them.
  Status DeleteMessage(const std::string& owner, const std::string& message);
  // A whole conversation at once, as Get gives it, under new ids. Parents stand before children.
  Result<std::string> Import(const std::string& owner, const HistoryConversation& conversation);

  // Messages and titles that hold the text, whatever its case and accents, the newest first.
  Result<std::vector<HistoryHit>> Search(const std::string& owner, std::string_view text,
                                         size_t limit) const;

  // Keeps bytes until the last message that names them is gone, or for a day where none does
  // (Sweep).
  Result<HistoryMedium> Keep(const std::string& owner, std::span<const std::byte> bytes,
                             const std::string& type);
  Result<HistoryMedium> Medium(const std::string& owner, const std::string& hash) const;
  Result<std::string> MediumBytes(const std::string& owner, const std::string& hash) const;

  // Removes media that nobody has named for a day, and copies that nobody has moved.
  Status Sweep();

  Status KeepToken(const std::string& digest, const HistoryToken& token);
  Result<std::map<std::string, HistoryToken>> Tokens() const;  // by digests
  Status DropToken(const std::string& digest);
  Status DropTokens(const std::string& owner);

  // Settings that an owner has given a name, ordered by it.
  Result<std::vector<HistoryPreset>> Presets(const std::string& owner) const;
  // In place of one of that name. Errors: more than kMaxPresets.
  Status KeepPreset(const std::string& owner, const HistoryPreset& preset);
  Status DropPreset(const std::string& owner, const std::string& name);
  static constexpr size_t kMaxPresets = 200;

  // Changes behind number `after` of this owner, waiting for one until the time is over.
  std::vector<HistoryChange> WaitForChanges(const std::string& owner, uint64_t after,
                                            int64_t timeout_ms) const;
  uint64_t last_change() const;

  // A copy of everything but tokens, of all owners, in a new folder, as it is at this moment: a
  // history of its own. Others can go on while media are copied.
  Status Backup(const std::filesystem::path& folder) const;
  // The same in a new folder inside its own, for somebody to move at once: the next deletion, sweep
  // or copy, and the end, remove it. For who may write nowhere else.
  Result<std::filesystem::path> BackupHere() const;

 private:
  struct State;
  explicit History(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace carat
