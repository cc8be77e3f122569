// ResponseStore: the responses of the Responses API that can be asked for again and gone on from.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "api/answer_writer.h"
#include "base/result.h"
#include "io/json.h"
#include "service/answer.h"

namespace carat {

// What a response is, as long as it is kept.
struct StoredResponse {
  std::string id = {}, owner = {};
  std::string previous = {};  // the response that it goes on from; empty: none
  Json input = {};            // the items that its request added, an array
  bool background = false;
  // Of a response of this process: the answer, and its Response object so far ("status" among it).
  std::shared_ptr<Answer> answer = {};
  std::function<Json(const Answer&)> render = {};
  // Of its events, for a stream from the beginning; null where there are none any more.
  std::function<std::unique_ptr<AnswerWriter>()> make_writer = {};
  // The Response object, once it has ended.
  Json response = {};
};

// Where ended responses outlive the process. Called under the store's lock; what can't be put or
// got is as if it had not been kept.
class ResponseArchive {
 public:
  virtual ~ResponseArchive() = default;
  // `document`: {"id", "previous", "background", "input", "response"}.
  virtual void Put(const std::string& owner, const std::string& id, const Json& document) = 0;
  virtual std::optional<Json> Get(const std::string& owner, const std::string& id) = 0;
  // False: there was none.
  virtual Result<bool> Remove(const std::string& owner, const std::string& id) = 0;
};

// Thread-safe. Responses belong to their owner: for anybody else they are not there. Over the
// limits the owner with the most bytes loses what he used least recently; a running response is
// never lost.
class ResponseStore {
 public:
  struct Limits {
    size_t bytes = size_t{256} << 20;  // of all owners, as JSON text
    size_t bytes_per_owner = size_t{128} << 20;
    size_t responses_per_owner = 10'000;
  };
  explicit ResponseStore(Limits limits, std::unique_ptr<ResponseArchive> archive = {});
  ~ResponseStore();

  void Add(StoredResponse response);
  // Brought up to date: `response` is set, of one that runs as far as it is. Absent: no such.
  std::optional<StoredResponse> Find(const std::string& owner, const std::string& id);
  // False: no such. A response that runs is cancelled. Errors: the archive still has it.
  Result<bool> Remove(const std::string& owner, const std::string& id);
  // All items from the beginning of the conversation to the end of this response, its output
  // included. kNotFound: it or one before it is gone; kInvalid: it runs still, or all together are
  // more than an owner may keep in memory.
  Result<Json::Array> Conversation(const std::string& owner, const std::string& id);
  // An item of the owner's responses, input or output, by its own id.
  std::optional<Json> Item(const std::string& owner, const std::string& item_id);

  // Takes over what has ended; else that is done when it is needed.
  void SettleEnded();

  struct Use {
    size_t responses = 0, bytes = 0;
  };
  Use use() const;

 private:
  struct Kept;
  using Key = std::pair<std::string, std::string>;  // owner, id
  Kept* Touch(const std::string& owner, const std::string& id);
  std::unique_ptr<Kept> FromArchive(const std::string& owner, const std::string& id);
  std::optional<Json> ArchivedItem(const std::string& owner, const std::string& item_id);
  void Settle(Kept& kept);
  void Trim();
  void SettleEachSecond();

  const Limits limits_;
  const std::unique_ptr<ResponseArchive> archive_;
  mutable std::mutex mutex_;
  uint64_t clock_ = 0;
  bool grown_ = false;  // since it was trimmed last
  std::map<Key, std::unique_ptr<Kept>> kept_;
  // With an archive: a response is in it soon after its end, whoever asks for it.
  bool stop_ = false;
  std::condition_variable stopping_;
  std::thread watch_;
};

}  // namespace carat
