#include "service/model_host.h"

#include <condition_variable>
#include <thread>
#include <utility>

namespace carat {
namespace {

using std::chrono::steady_clock;
// For those who still hold a service whose answers have been cancelled.
constexpr std::chrono::seconds kRelease{10};
constexpr std::chrono::milliseconds kLook{20};

}  // namespace

struct ModelHost::State {
  Opener open;
  std::optional<std::chrono::seconds> idle;

  std::mutex changing;                   // held while a model is opened or dropped, before `mutex`
  std::optional<Error> failure;          // of the last opening that failed; under `changing`
  steady_clock::time_point failed = {};  // when; likewise
  std::mutex mutex;                      // of what follows
  std::string wanted;                    // what Get loads
  std::string name;                      // of what was loaded last
  std::shared_ptr<LoadedService> loaded;
  steady_clock::time_point asked = steady_clock::now();  // the last Get, or the last answer
  bool stop = false;
  std::condition_variable stopping;
  std::thread watch;

  // Under `changing`. The model is gone when it returns, unless somebody does not let go of it.
  bool Drop() {
    std::shared_ptr<LoadedService> dropped;
    {
      const std::lock_guard lock(mutex);
      dropped = std::move(loaded);
      loaded.reset();
    }
    if (dropped == nullptr) return false;
    dropped->service->Stop();
    const auto until = steady_clock::now() + kRelease;
    while (dropped.use_count() > 1 && steady_clock::now() < until)
      std::this_thread::sleep_for(kLook);
    return true;
  }

  // The model, taken out, where nobody has held it for so long.
  std::shared_ptr<LoadedService> TakeIdle() {
    const std::lock_guard lock(mutex);
    if (loaded == nullptr) return nullptr;
    const ServiceStatus status = loaded->service->status();
    const bool held = loaded.use_count() > 1;  // somebody prepares or reads an answer
    if (held || status.running + status.waiting > 0) asked = steady_clock::now();
    if (steady_clock::now() - asked < *idle) return nullptr;
    return std::exchange(loaded, nullptr);
  }

  // In a thread of its own.
  void Watch() {
    std::unique_lock lock(mutex);
    while (!stopping.wait_for(lock, std::chrono::seconds(1), [&] { return stop; })) {
      lock.unlock();
      {
        const std::lock_guard change(changing);
        TakeIdle();
      }
      lock.lock();
    }
  }
};

ModelHost::ModelHost(Opener open, std::string first, std::optional<std::chrono::seconds> idle)
    : state_(std::make_unique<State>()) {
  state_->open = std::move(open);
  state_->wanted = std::move(first);
  state_->idle = idle;
  if (idle) state_->watch = std::thread([state = state_.get()] { state->Watch(); });
}

ModelHost::~ModelHost() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
  }
  state_->stopping.notify_all();
  if (state_->watch.joinable()) state_->watch.join();
}

std::shared_ptr<LoadedService> ModelHost::Loaded() const {
  const std::lock_guard lock(state_->mutex);
  return state_->loaded;
}

std::string ModelHost::Name() const {
  const std::lock_guard lock(state_->mutex);
  return state_->name;
}

Result<std::shared_ptr<LoadedService>> ModelHost::Get() {
  const auto loaded = [&] {
    const std::lock_guard lock(state_->mutex);
    state_->asked = steady_clock::now();
    return state_->loaded;
  };
  if (auto service = loaded()) return service;
  const auto came = steady_clock::now();
  const std::lock_guard change(state_->changing);
  if (auto service = loaded()) return service;
  // Who waited for an opening that failed does not try again.
  if (state_->failure && state_->failed >= came) return Fail(*state_->failure);
  auto opened = state_->open(state_->wanted);
  if (!opened) {
    state_->failure = opened.error();
    state_->failed = steady_clock::now();
    return Fail(std::move(opened).error());
  }
  const std::lock_guard lock(state_->mutex);
  state_->loaded = *opened;
  state_->name = (*opened)->name;
  state_->asked = steady_clock::now();
  return *std::move(opened);
}

Status ModelHost::Load(const std::string& name) {
  const std::lock_guard change(state_->changing);
  if (const auto loaded = Loaded(); loaded != nullptr && loaded->name == name) return {};
  state_->Drop();  // two do not fit
  auto opened = state_->open(name);
  if (!opened) return Fail(opened.error());
  const std::lock_guard lock(state_->mutex);
  state_->loaded = *std::move(opened);
  state_->name = state_->loaded->name;
  state_->wanted = name;
  state_->asked = steady_clock::now();
  return {};
}

bool ModelHost::Unload() {
  const std::lock_guard change(state_->changing);
  return state_->Drop();
}

}  // namespace carat
