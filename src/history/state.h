// What the parts of History share.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "db/database.h"
#include "history/history.h"

namespace carat {

struct History::State {
  State(Database opened, std::filesystem::path place)
      : database(std::move(opened)), folder(std::move(place)) {}

  mutable std::mutex mutex;  // of all that follows
  mutable Database database;
  const std::filesystem::path folder;
  mutable std::condition_variable changed;
  std::deque<HistoryChange> changes;  // the newest last
  uint64_t last_change = 0;

  std::filesystem::path MediumPath(const std::string& hash) const {
    return folder / "media" / hash;
  }
  // The row of a conversation or message of the owner; kNotFound.
  Result<int64_t> ConversationRow(const std::string& owner, const std::string& id);
  struct MessagePlace {
    int64_t row = 0, conversation_row = 0;
    std::string conversation = {}, parent = {};  // ids
    int64_t parent_row = 0;                      // 0: none
    std::string role = {};
  };
  Result<MessagePlace> PlaceOf(const std::string& owner, const std::string& message);

  // The members of a message in the database; in a transaction of the caller's. Gives its row.
  Result<int64_t> Insert(const std::string& owner, int64_t conversation, int64_t parent,
                         const std::string& id, const HistoryMessage& message);
  Status Use(const std::string& owner, int64_t message, const Json& body);
  // What to show once `gone` and all behind it are: the newest version beside it, to its end, else
  // what stood before it. An id, which may be empty.
  Result<std::string> LeafBeside(const MessagePlace& gone);
  // Sets the time of a conversation, and its leaf where one is given.
  Status Touch(int64_t conversation, const std::string* leaf);
  // After a commit: tells who waits.
  void Note(const std::string& owner, const std::string& conversation);

  Result<std::set<std::string>> Hashes() const;  // of all media
  // A copy in a new folder, which is removed again where it does not succeed. Without the lock.
  Status Copy(const std::filesystem::path& to);
  Status CopyInto(const std::filesystem::path& to);
  Status FinishCopy(const std::filesystem::path& to, const std::set<std::string>& hashes) const;
  // Copies that nobody has moved (BackupHere), unless one is being made.
  void RemoveMoving();
  int backups = 0;  // under way: files of media stay meanwhile

  // Media that nobody uses any more, and their files.
  Status SweepMedia();
  // After deletions, so that no file shows what was deleted. The lock of the mutex is given up now
  // and then: the index of a long history takes a while.
  Status Forget(std::unique_lock<std::mutex>& lock);
};

Error NotInHistory(std::string_view what);
// What is searched of a message.
std::string TextOf(const Json& body);

}  // namespace carat
