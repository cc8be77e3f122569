#include "apps/serve_log.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <mutex>

#include "base/scoped_fd.h"
#include "io/json.h"

namespace carat {
namespace {

std::string TimeNow() {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto ms = now.time_since_epoch().count() % 1000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(now)), ms);
}

Result<ScopedFd> OpenLog(const std::string& path) {
  ScopedFd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (fd.get() >= 0) return fd;
  return Fail({.code = ErrorCode::kIo,
               .what = std::string("the log can't be opened: ") + std::strerror(errno),
               .where = path});
}

}  // namespace

struct ServeLog::State {
  std::string path;
  std::mutex mutex;
  ScopedFd file;  // under the mutex; not valid: standard error

  // One write for a line, so that lines of several processes do not mix. A log that can't be
  // written keeps nobody from being answered.
  void Write(const Json& line) {
    const std::string text = line.Dump() + "\n";
    const std::lock_guard lock(mutex);
    const int fd = file.get() >= 0 ? file.get() : STDERR_FILENO;
    static_cast<void>(::write(fd, text.data(), text.size()) < 0);
  }
};

ServeLog::ServeLog(std::shared_ptr<State> state) : state_(std::move(state)) {}
ServeLog::ServeLog(const ServeLog&) = default;
ServeLog::ServeLog(ServeLog&&) noexcept = default;
ServeLog& ServeLog::operator=(ServeLog&&) noexcept = default;
ServeLog::~ServeLog() = default;

Result<ServeLog> ServeLog::Open(const std::string& path) {
  auto state = std::make_shared<State>();
  state->path = path;
  if (!path.empty()) {
    CARAT_ASSIGN(state->file, OpenLog(path));
  }
  return ServeLog(std::move(state));
}

std::function<void(const RequestLog&)> ServeLog::sink() const {
  return [state = state_](const RequestLog& r) {
    Json line;
    line.Set("time", TimeNow());
    line.Set("event", "request");
    line.Set("id", r.id);
    line.Set("key", r.owner);
    line.Set("method", r.method);
    line.Set("route", r.route);
    line.Set("status", r.status);
    line.Set("seconds", r.seconds);
    line.Set("body_bytes", r.body_bytes);
    line.Set("sent_bytes", r.sent_bytes);
    if (r.client_left) line.Set("client_left", true);
    if (!r.asked.empty()) line.Set("asked", r.asked);
    if (!r.answered.empty()) line.Set("answered", r.answered);
    state->Write(line);
  };
}

std::function<void(const Error&)> ServeLog::errors(std::string event) const {
  return [log = ServeLog(state_), event = std::move(event)](const Error& error) {
    log.Event(event, error.Message());
  };
}

void ServeLog::Event(const std::string& event, const std::string& detail) const {
  Json line;
  line.Set("time", TimeNow());
  line.Set("event", event);
  if (!detail.empty()) line.Set("detail", detail);
  state_->Write(line);
}

void ServeLog::Reopen() {
  if (state_->path.empty()) return;
  if (auto file = OpenLog(state_->path)) {
    const std::lock_guard lock(state_->mutex);
    state_->file = *std::move(file);
  }
}

}  // namespace carat
