#include "api/response_store.h"

#include <chrono>
#include <ranges>
#include <utility>

#include "base/utf8.h"

namespace carat {
namespace {

// More than any conversation has: a file that somebody changed could make a circle.
constexpr size_t kMaxTurns = 100'000;
// An answer's events take more memory than its text.
constexpr size_t kBytesPerToken = 300;

const Json::Array& OutputOf(const Json& response) {
  static const Json::Array kNone;
  const Json* const output = response.Find("output");
  return output != nullptr && output->is_array() ? output->array() : kNone;
}

const Json* ItemIn(const Json::Array& items, const std::string& id) {
  for (const Json& item : items) {
    const Json* const own = item.Find("id");
    if (own != nullptr && own->is_string() && own->string() == id) return &item;
  }
  return nullptr;
}

Error Gone(const std::string& id) {
  return {.code = ErrorCode::kNotFound, .what = "no such response is stored", .found = Quoted(id)};
}

Json DocumentOf(const StoredResponse& stored) {
  Json document;
  document.Set("id", stored.id);
  document.Set("previous", stored.previous);
  document.Set("background", stored.background);
  document.Set("input", stored.input);
  document.Set("response", stored.response);
  return document;
}

std::optional<StoredResponse> FromDocument(const std::string& owner, const std::string& id,
                                           const Json& document) {
  StoredResponse stored{.id = id, .owner = owner};
  const Json* const input = document.Find("input");
  const Json* const response = document.Find("response");
  const Json* const previous = document.Find("previous");
  const Json* const background = document.Find("background");
  if (input == nullptr || !input->is_array() || response == nullptr || !response->is_object() ||
      previous == nullptr || !previous->is_string()) {
    return std::nullopt;
  }
  stored.input = *input;
  stored.response = *response;
  stored.previous = previous->string();
  stored.background = background != nullptr && background->is_bool() && background->boolean();
  return stored;
}

}  // namespace

struct ResponseStore::Kept {
  StoredResponse stored;
  bool running = false;
  size_t bytes = 0;
  uint64_t used = 0;
};

ResponseStore::ResponseStore(Limits limits, std::unique_ptr<ResponseArchive> archive)
    : limits_(limits), archive_(std::move(archive)) {
  if (archive_ != nullptr) watch_ = std::thread([this] { SettleEachSecond(); });
}

ResponseStore::~ResponseStore() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopping_.notify_all();
  if (watch_.joinable()) watch_.join();
  for (const auto& [key, kept] : kept_) Settle(*kept);
}

// In a thread of its own.
void ResponseStore::SettleEachSecond() {
  std::unique_lock lock(mutex_);
  while (!stopping_.wait_for(lock, std::chrono::seconds(1), [&] { return stop_; })) {
    for (const auto& [key, kept] : kept_) Settle(*kept);
    Trim();
  }
}

// Takes over what has ended since it was looked at last.
void ResponseStore::Settle(Kept& kept) {
  if (!kept.running) return;
  StoredResponse& stored = kept.stored;
  kept.running = !stored.answer->ended();
  if (kept.running) return;
  stored.response = stored.render(*stored.answer);
  grown_ = true;
  kept.bytes += stored.response.Dump().size() + stored.answer->usage().generated * kBytesPerToken;
  if (archive_ != nullptr) archive_->Put(stored.owner, stored.id, DocumentOf(stored));
}

std::unique_ptr<ResponseStore::Kept> ResponseStore::FromArchive(const std::string& owner,
                                                                const std::string& id) {
  const std::optional<Json> document =
      archive_ != nullptr ? archive_->Get(owner, id) : std::optional<Json>();
  if (!document) return nullptr;
  std::optional<StoredResponse> stored = FromDocument(owner, id, *document);
  if (!stored) return nullptr;
  auto kept = std::make_unique<Kept>();
  kept->bytes = document->Dump().size();
  kept->stored = *std::move(stored);
  return kept;
}

ResponseStore::Kept* ResponseStore::Touch(const std::string& owner, const std::string& id) {
  auto found = kept_.find({owner, id});
  if (found == kept_.end()) {
    auto kept = FromArchive(owner, id);
    if (kept == nullptr) return nullptr;
    grown_ = true;
    found = kept_.emplace(Key(owner, id), std::move(kept)).first;
  }
  found->second->used = ++clock_;
  Settle(*found->second);
  return found->second.get();
}

// Linear in what is kept for each that goes; requests are few and slow beside it.
void ResponseStore::Trim() {
  if (!std::exchange(grown_, false)) return;
  struct Share {
    size_t bytes = 0, responses = 0;
    std::map<Key, std::unique_ptr<Kept>>::iterator oldest;
    bool has_oldest = false;
  };
  for (;;) {
    std::map<std::string, Share> shares;
    size_t total = 0;
    for (auto at = kept_.begin(); at != kept_.end(); ++at) {
      Kept& kept = *at->second;
      Settle(kept);
      Share& share = shares[at->first.first];
      total += kept.bytes;
      share.bytes += kept.bytes;
      ++share.responses;
      if (kept.running) continue;
      if (share.has_oldest && share.oldest->second->used < kept.used) continue;
      share.oldest = at;
      share.has_oldest = true;
    }
    Share* most = nullptr;
    for (auto& [owner, share] : shares) {
      const bool over = total > limits_.bytes || share.bytes > limits_.bytes_per_owner ||
                        share.responses > limits_.responses_per_owner;
      if (!over || !share.has_oldest) continue;
      if (most == nullptr || share.bytes > most->bytes) most = &share;
    }
    if (most == nullptr) return;
    kept_.erase(most->oldest);
  }
}

void ResponseStore::Add(StoredResponse response) {
  const std::lock_guard lock(mutex_);
  Key key(response.owner, response.id);
  auto kept = std::make_unique<Kept>();
  kept->bytes = response.input.Dump().size();
  kept->running = response.answer != nullptr;
  kept->used = ++clock_;
  if (!kept->running) kept->bytes += response.response.Dump().size();
  kept->stored = std::move(response);
  kept_[std::move(key)] = std::move(kept);
  grown_ = true;
  Trim();
}

std::optional<StoredResponse> ResponseStore::Find(const std::string& owner, const std::string& id) {
  std::optional<StoredResponse> found;
  {
    const std::lock_guard lock(mutex_);
    const Kept* const kept = Touch(owner, id);
    if (kept == nullptr) return std::nullopt;
    found = kept->stored;
    Trim();
  }
  if (found->response.is_null()) found->response = found->render(*found->answer);
  return found;
}

Result<bool> ResponseStore::Remove(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mutex_);
  bool removed = false;
  if (archive_ != nullptr) {
    CARAT_ASSIGN(removed, archive_->Remove(owner, id));
  }
  const auto found = kept_.find({owner, id});
  if (found == kept_.end()) return removed;
  if (found->second->running) found->second->stored.answer->Cancel();
  kept_.erase(found);
  return true;
}

Result<Json::Array> ResponseStore::Conversation(const std::string& owner, const std::string& id) {
  const std::lock_guard lock(mutex_);
  std::vector<const StoredResponse*> turns;
  std::vector<std::unique_ptr<Kept>> archived;  // what is read of a file is not kept
  size_t bytes = 0;
  for (std::string at = id; !at.empty(); at = turns.back()->previous) {
    if (turns.size() == kMaxTurns) return Fail(Gone(at));
    const auto found = kept_.find({owner, at});
    const Kept* kept = nullptr;
    if (found != kept_.end()) {
      kept = Touch(owner, at);
    } else if (auto read = FromArchive(owner, at)) {
      kept = archived.emplace_back(std::move(read)).get();
    }
    if (kept == nullptr) return Fail(Gone(at));
    if (kept->running)
      return Fail({.what = "this response has not ended yet", .found = Quoted(at)});
    bytes += kept->bytes;
    if (bytes > limits_.bytes_per_owner) {
      return Fail({.what = "the conversation before this is too large",
                   .wanted = std::to_string(limits_.bytes_per_owner) + " bytes",
                   .found = "more"});
    }
    turns.push_back(&kept->stored);
  }
  Json::Array items;
  for (const StoredResponse* const turn : turns | std::views::reverse) {
    const Json::Array& input = turn->input.array();
    const Json::Array& output = OutputOf(turn->response);
    items.insert(items.end(), input.begin(), input.end());
    items.insert(items.end(), output.begin(), output.end());
  }
  Trim();
  return items;
}

// "msg_X_0" is an item of "resp_X".
std::optional<Json> ResponseStore::ArchivedItem(const std::string& owner,
                                                const std::string& item_id) {
  const size_t begin = item_id.find('_') + 1, end = item_id.find('_', begin);
  if (begin == 0 || end == std::string::npos) return std::nullopt;
  const Kept* const kept = Touch(owner, "resp_" + item_id.substr(begin, end - begin));
  if (kept == nullptr) return std::nullopt;
  const Json* item = ItemIn(kept->stored.input.array(), item_id);
  if (item == nullptr) item = ItemIn(OutputOf(kept->stored.response), item_id);
  return item != nullptr ? std::optional(*item) : std::nullopt;
}

std::optional<Json> ResponseStore::Item(const std::string& owner, const std::string& item_id) {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, kept] : kept_) {
    if (key.first != owner) continue;
    Settle(*kept);
    const Json* item = ItemIn(kept->stored.input.array(), item_id);
    if (item == nullptr) item = ItemIn(OutputOf(kept->stored.response), item_id);
    if (item == nullptr) continue;
    kept->used = ++clock_;
    return *item;
  }
  const std::optional<Json> found =
      archive_ != nullptr ? ArchivedItem(owner, item_id) : std::nullopt;
  Trim();
  return found;
}

void ResponseStore::SettleEnded() {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, kept] : kept_) Settle(*kept);
  Trim();
}

ResponseStore::Use ResponseStore::use() const {
  const std::lock_guard lock(mutex_);
  Use use;
  for (const auto& [key, kept] : kept_) {
    ++use.responses;
    use.bytes += kept->bytes;
  }
  return use;
}

}  // namespace carat
