#include "service/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "service/model_thread.h"
#include "service/prepared.h"
#include "sys/clock.h"

namespace carat {
namespace {

// Fewer caches rather than shorter ones.
constexpr Pos kRoomyContext = 8192;
constexpr size_t kWindowsPerCache = 2;  // that a conversation can go back to

Status OutOfRange(std::string where, std::string wanted, size_t found) {
  return Fail({.what = "an option is out of range",
               .where = std::move(where),
               .wanted = std::move(wanted),
               .found = std::to_string(found)});
}

Status CheckOptions(const ServiceOptions& options) {
  constexpr size_t kMost = ServiceOptions::kMaxTogether;
  if (options.together > kMost)
    return OutOfRange("together", fmt::format("0 to {}", kMost), options.together);
  if (options.queue == 0) return OutOfRange("queue", "1 or more", 0);
  if (options.queue_per_owner == 0) return OutOfRange("queue_per_owner", "1 or more", 0);
  return {};
}

Status CheckAsk(const Ask& ask, const ServiceOptions& options) {
  if (ask.choices < 1 || ask.choices > Ask::kMaxChoices)
    return OutOfRange("n", fmt::format("1 to {}", Ask::kMaxChoices), ask.choices);
  if (const size_t most = std::min(options.queue, options.queue_per_owner); ask.choices > most)
    return OutOfRange("n", fmt::format("at most {}, which may wait here", most), ask.choices);
  if (ask.logprobs && *ask.logprobs > Ask::kMaxLogprobs)
    return OutOfRange("top_logprobs", fmt::format("0 to {}", Ask::kMaxLogprobs), *ask.logprobs);
  if (ask.max_tokens == size_t{0}) return OutOfRange("max_tokens", "1 or more", 0);
  return {};
}

// As many caches as leave each a roomy context; at least one.
Result<std::vector<Session>> CreateSessions(Engine& engine, const ServiceOptions& options) {
  if (options.together > 0)
    return Session::CreateTogether(engine, options.session, options.together);
  SessionOptions roomy = options.session;
  if (roomy.context == 0) roomy.context = std::min(kRoomyContext, engine.config().max_positions);
  for (size_t count = ServiceOptions::kDefaultTogether; count > 1; --count) {
    if (Session::Fits(engine, roomy, count, kWindowsPerCache))
      return Session::CreateTogether(engine, options.session, count);
  }
  return Session::CreateTogether(engine, options.session, 1);
}

// Places in the queue while an ask is prepared; given back unless they are taken.
class Places {
 public:
  Places(ModelThread& thread, const std::string& owner, size_t count)
      : thread_(thread), owner_(owner), count_(count) {}
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;
  ~Places() {
    if (count_ > 0) thread_.Release(owner_, count_);
  }
  void Taken() { count_ = 0; }

 private:
  ModelThread& thread_;
  const std::string& owner_;
  size_t count_;
};

}  // namespace

struct Service::State {
  Engine& engine;
  ServiceOptions options;
  std::unique_ptr<Preparer> preparer;
  std::unique_ptr<ModelThread> thread;
  std::atomic<bool> stopped = false;

  MediaWatch UntilStopped(const MediaWatch& goes_on) const {
    return [this, goes_on](double share) { return !stopped && (!goes_on || goes_on(share)); };
  }
};

Service::Service(std::unique_ptr<State> state) : state_(std::move(state)) {}
Service::~Service() = default;

Result<std::unique_ptr<Service>> Service::Start(Engine& engine, ServiceOptions options,
                                                MediaDecoder decoder) {
  CARAT_TRY(CheckOptions(options));
  // What an answer is must not depend on what was cached.
  options.session.reuse_generated = false;
  CARAT_ASSIGN(std::vector<Session> sessions, CreateSessions(engine, options));
  const Pos context = sessions.front().context();
  CARAT_ASSIGN(auto preparer,
               Preparer::Create(engine, std::move(decoder), context, options.several_owners));
  auto thread = std::make_unique<ModelThread>(engine, std::move(sessions), options);
  return std::unique_ptr<Service>(new Service(
      std::make_unique<State>(engine, options, std::move(preparer), std::move(thread))));
}

Result<std::shared_ptr<Answer>> Service::Submit(const Ask& ask, const MediaWatch& goes_on) {
  CARAT_TRY(CheckAsk(ask, state_->options));
  // Before anything costly: who can't wait is not prepared.
  CARAT_TRY(state_->thread->Reserve(ask.owner, ask.choices));
  Places places(*state_->thread, ask.owner, ask.choices);
  CARAT_ASSIGN(Prepared prepared, state_->preparer->Prepare(ask, state_->UntilStopped(goes_on)));
  auto answer = std::make_shared<Answer>(prepared.generating.sampling.seed, UnixMs() / 1000,
                                         std::move(prepared.warnings));
  auto asked = std::make_shared<Asked>(
      Asked{.prepared = std::make_shared<const Prepared>(std::move(prepared)),
            .answer = answer,
            .submitted_s = Now(),
            .open = ask.choices});
  std::vector<std::unique_ptr<Task>> choices;
  choices.reserve(ask.choices);
  const Tokenizer& tokenizer = *state_->engine.tokenizer();
  for (size_t i = 0; i < ask.choices; ++i)
    choices.push_back(std::make_unique<Task>(asked, i, tokenizer));
  places.Taken();
  CARAT_TRY(state_->thread->Submit(std::move(choices)));
  return answer;
}

Result<PromptCount> Service::Count(const Ask& ask, const MediaWatch& goes_on) const {
  return state_->preparer->Count(ask, state_->UntilStopped(goes_on));
}

Result<FairPlaces::Place> Service::WaitForDecoder(const std::string& owner,
                                                  const MediaWatch& goes_on) {
  return state_->preparer->decoders().Wait(owner, state_->UntilStopped(goes_on));
}

void Service::Stop() {
  state_->stopped = true;
  state_->thread->Stop();
}

const Engine& Service::engine() const { return state_->engine; }

ServiceStatus Service::status() const { return state_->thread->status(); }

}  // namespace carat
