#include "service/model_thread.h"

#include <algorithm>
#include <set>

#include "sys/clock.h"

namespace carat {
namespace {

// Positions: a pass of fewer takes hardly less, since it reads and unpacks all weights as well.
constexpr Pos kLeastSlice = 64;
constexpr double kForget = 0.2;  // of what a pass took, per pass

void Learn(double& usual, double seconds) {
  usual = usual == 0 ? seconds : (1 - kForget) * usual + kForget * seconds;
}

}  // namespace

ModelThread::ModelThread(Engine& engine, std::vector<Session> sessions,
                         const ServiceOptions& options)
    : engine_(engine),
      options_(options),
      chunk_(options.session.chunk),
      cache_bytes_(Session::BytesOf(engine, options.session, sessions)),
      pool_(std::move(sessions), options.share_prefixes) {
  Publish();
  thread_ = std::thread([this] { Loop(); });
}

ModelThread::~ModelThread() { Stop(); }

void ModelThread::Stop() {
  std::call_once(stopped_, [&] {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    work_.notify_all();
    thread_.join();
    std::vector<std::unique_ptr<Task>> waiting;
    {
      const std::lock_guard lock(mutex_);
      waiting = queue_.TakeAll();
      status_.running = 0;
    }
    for (auto& task : waiting) task->End(AnswerEnd::kCancelled);
    for (Running& running : running_) running.task->End(AnswerEnd::kCancelled);
    running_.clear();
  });
}

Status ModelThread::Reserve(const std::string& owner, size_t places) {
  const std::lock_guard lock(mutex_);
  const bool full = queue_.Places() + places > options_.queue;
  if (full || queue_.PlacesOf(owner) + places > options_.queue_per_owner) {
    ++status_.refused;
    return Fail(
        {.code = ErrorCode::kBusy,
         .what = full ? "too many answers are waiting" : "too many answers of this key are waiting",
         .wanted = "another try later"});
  }
  queue_.Reserve(owner, places);
  return {};
}

void ModelThread::Release(const std::string& owner, size_t places) {
  const std::lock_guard lock(mutex_);
  queue_.Release(owner, places);
}

Status ModelThread::Submit(std::vector<std::unique_ptr<Task>> choices) {
  {
    const std::lock_guard lock(mutex_);
    queue_.Release(choices.front()->owner(), choices.size());
    if (stop_) return Fail({.code = ErrorCode::kBusy, .what = "the model is being unloaded"});
    for (auto& task : choices) queue_.Push(std::move(task));
  }
  work_.notify_all();
  return {};
}

ServiceStatus ModelThread::status() const {
  const std::lock_guard lock(mutex_);
  ServiceStatus status = status_;
  status.waiting = queue_.size();
  const double since = Now() - published_s_;
  for (ServiceStatus::Slot& slot : status.slots)
    if (slot.state == "kept") slot.idle_s += since;
  return status;
}

// False: the service stops.
bool ModelThread::WaitForWork() {
  const auto rereads = [&] {
    return std::ranges::any_of(pool_.slots(),
                               [](const CacheSlot& s) { return !s.busy && s.worth_reading; });
  };
  std::unique_lock lock(mutex_);
  if (running_.empty() && !rereads()) work_.wait(lock, [&] { return stop_ || queue_.size() > 0; });
  return !stop_;
}

void ModelThread::Loop() {
  while (WaitForWork()) {
    DropCancelled();
    Admit();
    ReadSlice();
    DecodeRound();
    Retire();
    if (running_.empty()) Reread();
    Publish();
  }
}

void ModelThread::DropCancelled() {
  std::vector<std::unique_ptr<Task>> dropped;
  {
    const std::lock_guard lock(mutex_);
    dropped = queue_.TakeHopeless();
  }
  for (auto& task : dropped) task->End(task->hopeless_end());
  counts_.cancelled += dropped.size();
  for (Running& r : running_) {
    if (r.task->done() || !r.task->answer().cancelled()) continue;
    r.task->End(AnswerEnd::kCancelled);
    ++counts_.cancelled;
  }
  Retire();
}

void ModelThread::Admit() {
  while (const size_t idle = pool_.NumIdle()) {
    std::unique_ptr<Task> task;
    {
      const std::lock_guard lock(mutex_);
      // The last cache is for somebody who waits for it now, and for an owner who has none.
      const bool last = idle == 1 && pool_.slots().size() > 1;
      task = queue_.Next(last, last && options_.several_owners ? OnlyOwner() : std::string());
    }
    if (task == nullptr) return;
    CacheSlot* slot = pool_.Take(task->owner(), task->prepared().prompt);
    task->Begin(slot->session);
    counts_.prompt_tokens += task->prepared().count.tokens;
    if (!task->done()) counts_.cached_tokens += static_cast<size_t>(slot->session.size());
    running_.push_back({slot, std::move(task)});
  }
}

// Whose all running answers are; empty: several owners'.
std::string ModelThread::OnlyOwner() const {
  const auto of_first = [&](const Running& r) {
    return r.task->owner() == running_.front().task->owner();
  };
  return !running_.empty() && std::ranges::all_of(running_, of_first)
             ? running_.front().task->owner()
             : std::string();
}

void ModelThread::Retire() {
  std::erase_if(running_, [&](Running& r) {
    if (!r.task->done()) return false;
    counts_.mask_s += r.task->mask_seconds();
    ++counts_.answers;
    if (r.task->ended() == AnswerEnd::kFailed) ++counts_.failed;
    // The next prompt of a conversation holds its answers, but for thoughts.
    const AnswerEnd end = r.task->ended();
    pool_.Give(*r.slot, r.task->wrote() && !r.task->thought() && end != AnswerEnd::kFailed &&
                            end != AnswerEnd::kCancelled);
    return true;
  });
}

// Slices end where a pass over the written answers would be due.
Pos ModelThread::SliceSize() const {
  const bool writing =
      std::ranges::any_of(running_, [](const Running& r) { return !r.task->reading(); });
  if (!writing || pass_s_ == 0 || position_s_ == 0) return chunk_;
  return std::clamp(static_cast<Pos>(pass_s_ / position_s_), std::min(kLeastSlice, chunk_), chunk_);
}

// One pass over the prompts that are being read, in turn, as far as its positions go.
void ModelThread::ReadSlice() {
  std::vector<Running*> readers;
  std::vector<Slice> slices;
  std::vector<Pos> before;
  Pos left = SliceSize();
  for (Running& r : running_)
    if (!r.task->done() && r.task->reading()) readers.push_back(&r);
  if (readers.empty()) return;
  std::ranges::rotate(
      readers, readers.begin() + static_cast<std::ptrdiff_t>(next_reader_++ % readers.size()));
  for (Running* r : readers) {
    if (left == 0) break;
    slices.push_back(r->task->NextSlice(left));
    before.push_back(r->slot->session.size());
    left -= std::min(left, static_cast<Pos>(r->task->left()));
  }
  readers.resize(slices.size());
  const double start = Now();
  Session::ReadTogether(slices);
  const double seconds = Now() - start;
  const double share = seconds / static_cast<double>(slices.size());
  double positions = 0;
  for (size_t i = 0; i < slices.size(); ++i) {
    positions += static_cast<double>(slices[i].session->size() - before[i]);
    readers[i]->task->Read(slices[i]);
  }
  if (positions >= kLeastSlice) Learn(position_s_, seconds / positions);
  counts_.prefill_s += seconds;
  const std::lock_guard lock(mutex_);
  for (Running* r : readers) {
    r->task->AddSeconds(share, 0);
    queue_.Charge(r->task->owner(), share);
  }
}

void ModelThread::DecodeRound() {
  std::vector<Running*> writers;
  std::vector<Appending> batch;
  const double start = Now();
  for (Running& r : running_) {
    // Tokens that were drafted need no pass.
    while (!r.task->done() && !r.task->reading()) {
      auto appending = r.task->Wants();
      if (appending && !appending->session->IsDrafted(appending->id)) {
        batch.push_back(*std::move(appending));
        writers.push_back(&r);
        break;
      }
      if (appending) {
        Session::AppendTogether({&*appending, 1});
        ++counts_.accepted;
      }
      counts_.generated_tokens += r.task->Choose(appending ? &*appending : nullptr) ? 1 : 0;
    }
  }
  if (batch.empty()) return;
  Session::AppendTogether(batch);
  const double seconds = Now() - start;
  const double share = seconds / static_cast<double>(writers.size());
  for (size_t i = 0; i < batch.size(); ++i) {
    writers[i]->task->AddSeconds(0, share);  // before the answer may end
    counts_.generated_tokens += writers[i]->task->Choose(&batch[i]) ? 1 : 0;
    counts_.pass_rows += batch[i].rows;
    counts_.drafted += batch[i].rows - std::min<size_t>(batch[i].rows, 1);
  }
  ++counts_.passes;
  Learn(pass_s_, seconds);
  counts_.decode_s += seconds;
  const std::lock_guard lock(mutex_);
  for (Running* r : writers) queue_.Charge(r->task->owner(), share);
}

// While nobody asks, answers are read as the next prompt will have them, a slice at a time.
void ModelThread::Reread() {
  for (CacheSlot& slot : pool_.slots()) {
    if (slot.busy || !slot.worth_reading) continue;
    if (!slot.rereading) {
      Prompt whole = slot.prompt;
      whole.ids.assign(slot.session.ids().begin(), slot.session.ids().end());
      auto begun = slot.session.Begin(std::move(whole));
      if (begun) slot.rereading = *std::move(begun);
    }
    const auto done =
        slot.rereading ? slot.session.ReadSome(*slot.rereading, chunk_) : Result<bool>(true);
    if (!done || *done) {
      slot.rereading.reset();
      slot.worth_reading = false;
      slot.prompt = {};
    }
    return;
  }
}

void ModelThread::Publish() {
  ServiceStatus status = counts_;
  const double now = Now();
  std::set<const CacheSlot*> reading;
  for (const Running& r : running_)
    if (r.task->reading()) reading.insert(r.slot);
  for (const CacheSlot& slot : pool_.slots()) {
    status.slots.push_back({.state = !slot.used                ? "free"
                                     : !slot.busy              ? "kept"
                                     : reading.contains(&slot) ? "reading"
                                                               : "answering",
                            .tokens = static_cast<size_t>(slot.session.size()),
                            .idle_s = slot.used && !slot.busy ? now - slot.used_s : 0});
  }
  status.running = running_.size();
  const Session& session = pool_.slots().front().session;
  status.context = static_cast<size_t>(session.context());
  status.cache_bytes = cache_bytes_;
  status.drafting = session.speculator() == nullptr ? "off (" + engine_.no_drafts() + ")"
                    : counts_.passes == 0           ? "nothing to draft yet"
                                                    : session.speculator()->Describe({});
  const std::lock_guard lock(mutex_);
  status.refused = status_.refused;
  published_s_ = now;
  status_ = std::move(status);
}

}  // namespace carat
