#include "apps/pull_child.h"

#include <sys/wait.h>

#include <csignal>
#include <mutex>

#include "apps/silent_child.h"
#ifdef CARAT_PULLS
#include "hub/catalogue.h"
#endif

namespace carat {
namespace {

// The program itself.
Result<pid_t> StartPull(const std::string& name) {
  const auto pid = StartSilently("/proc/self/exe", {"carat", "pull", "--quiet", name}, false);
  if (pid) return *pid;
  return Fail({.code = ErrorCode::kIo, .what = "carat pull can't be started"});
}

}  // namespace

struct PullChild::Data {
  std::mutex mutex;
  std::string name;  // empty: none was asked for
  pid_t pid = -1;    // of a child that has not been seen to end
  bool done = false;

  void Look() {
    int status = 0;
    if (pid < 0 || ::waitpid(pid, &status, WNOHANG) != pid) return;
    pid = -1;
    done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
};

PullChild::PullChild() : data_(std::make_unique<Data>()) {}

PullChild::~PullChild() {
  const std::lock_guard lock(data_->mutex);
  data_->Look();
  if (data_->pid < 0) return;
  ::kill(data_->pid, SIGTERM);
  ::waitpid(data_->pid, nullptr, 0);
}

Status PullChild::Start(const std::string& name) {
#ifdef CARAT_PULLS
  const bool known = FindInCatalogue(name) != nullptr;
#else
  const bool known = false;
#endif
  if (!known)
    return Fail({.code = ErrorCode::kNotFound, .what = "no model of this name can be pulled"});
  const std::lock_guard lock(data_->mutex);
  data_->Look();
  if (data_->pid >= 0)
    return Fail({.code = ErrorCode::kBusy, .what = "another model is being pulled"});
  CARAT_ASSIGN(data_->pid, StartPull(name));
  data_->name = name;
  data_->done = false;
  return {};
}

std::vector<ModelHooks::Pull> PullChild::State() const {
  const std::lock_guard lock(data_->mutex);
  data_->Look();
  if (data_->name.empty()) return {};
  return {{.name = data_->name,
           .state = data_->pid >= 0 ? "running"
                    : data_->done   ? "done"
                                    : "failed"}};
}

}  // namespace carat
