// AnswerRegistry: answers by their ids, while they run and for a while after, so that a client can
// stop one, end its thoughts, or read it again.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/answer_writer.h"
#include "service/answer.h"

namespace carat {

// Thread-safe.
class AnswerRegistry {
 public:
  struct Limits {
    size_t answers = 256;  // of an owner that have ended; the oldest go first
    // Of ended answers of an owner, in tokens, of which each may take some hundred bytes.
    size_t tokens = 1 << 18;
    std::chrono::seconds keep{300};  // after the end was seen
  };
  // A writer that renders the answer again from its first event; null where that can't be done any
  // more, because its model was unloaded.
  using MakeWriter = std::function<std::unique_ptr<AnswerWriter>()>;
  struct Entry {
    std::string id, owner;
    std::shared_ptr<Answer> answer;
    MakeWriter make_writer = {};  // null: can't be read again
  };

  explicit AnswerRegistry(Limits limits) : limits_(limits) {}

  void Add(Entry entry);
  // Absent also where it is somebody else's.
  std::optional<Entry> Find(const std::string& owner, const std::string& id);
  // As if it had ended long ago.
  void Forget(const std::string& owner, const std::string& id);
  // Ids of the owner's answers, oldest first.
  std::vector<std::string> Ids(const std::string& owner);

 private:
  struct Kept {
    Entry entry;
    std::optional<std::chrono::steady_clock::time_point> ended = {};
    size_t tokens = 0;
  };
  void Sweep();

  const Limits limits_;
  std::mutex mutex_;
  std::vector<Kept> kept_;  // oldest first
};

}  // namespace carat
