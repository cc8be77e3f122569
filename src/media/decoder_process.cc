#include "media/decoder_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <semaphore>
#include <utility>

#include "base/utf8.h"
#include "media/limits.h"

namespace carat {
namespace {

std::counting_semaphore<kMaxDecoders> places(kMaxDecoders);

// How often a caller is asked whether it still wants to.
constexpr int kSliceMs = 100;

Error Cancelled() { return {.code = ErrorCode::kCancelled, .what = "cancelled"}; }
Error Nonsense() { return {.what = "the media decoder sent a message without sense"}; }

struct FileActions {
  posix_spawn_file_actions_t value;
  FileActions() { posix_spawn_file_actions_init(&value); }
  ~FileActions() { posix_spawn_file_actions_destroy(&value); }
};

struct Attributes {
  posix_spawnattr_t value;
  Attributes() { posix_spawnattr_init(&value); }
  ~Attributes() { posix_spawnattr_destroy(&value); }
};

// Nothing but the two descriptors: no environment, no other file, no blocked signal, and a group of
// its own, so that Ctrl-C reaches the parent alone.
int Spawn(const std::filesystem::path& program, int input, int output,
          std::vector<std::string>& arguments, pid_t& pid) {
  FileActions actions;
  posix_spawn_file_actions_adddup2(&actions.value, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions.value, output, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions.value, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&actions.value, STDERR_FILENO + 1);
  Attributes attributes;
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes.value, &none);
  posix_spawnattr_setsigdefault(&attributes.value, &all);
  posix_spawnattr_setpgroup(&attributes.value, 0);
  posix_spawnattr_setflags(&attributes.value,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  std::string name = program.string();
  std::vector<char*> argv = {name.data()};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  char* const environment[] = {nullptr};
  return posix_spawn(&pid, name.c_str(), &actions.value, &attributes.value, argv.data(),
                     environment);
}

}  // namespace

Result<DecoderProcess> DecoderProcess::Start(const std::filesystem::path& program, int input,
                                             std::vector<std::string> arguments, int64_t wait_ms,
                                             MediaWatch watch) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return Fail(
        {.code = ErrorCode::kIo, .what = "no pipe to the decoder", .found = std::strerror(errno)});
  }
  ScopedFd reading(ends[0]), writing(ends[1]);
  while (!places.try_acquire_for(std::chrono::milliseconds(kSliceMs)))
    if (watch && !watch(0)) return Fail(Cancelled());
  pid_t pid = -1;
  if (const int error = Spawn(program, input, writing.get(), arguments, pid); error != 0) {
    places.release();
    const bool missing = error == ENOENT || error == EACCES;
    return Fail({.code = missing ? ErrorCode::kNotFound : ErrorCode::kIo,
                 .what = "the media decoder could not be started",
                 .where = program.string(),
                 .found = std::strerror(error)});
  }
  // A descriptor and not a number: where the caller ignores its children's ends, numbers are used
  // again.
  ScopedFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process.valid()) {
    const int error = errno;
    if (error == ESRCH) {  // it has ended already, and its number may be another's
      places.release();
      return Fail({.what = "the file could not be decoded", .found = "its decoder ended early"});
    }
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    places.release();
    return Fail({.code = ErrorCode::kIo,
                 .what = "the media decoder cannot be watched",
                 .found = std::strerror(error)});
  }
  return DecoderProcess(std::move(process), std::move(reading), wait_ms, std::move(watch));
}

DecoderProcess::DecoderProcess(DecoderProcess&& other) noexcept = default;

DecoderProcess::~DecoderProcess() {
  if (!process_.valid()) return;
  ::syscall(SYS_pidfd_send_signal, process_.get(), SIGKILL, nullptr, 0);
  siginfo_t ended{};
  while (::waitid(P_PIDFD, static_cast<id_t>(process_.get()), &ended, WEXITED) < 0 &&
         errno == EINTR) {
  }
  places.release();
}

// The decoder closed its pipe before it was done.
Error DecoderProcess::HowItEnded() {
  siginfo_t ended{};
  int waited = 0;
  while ((waited = ::waitid(P_PIDFD, static_cast<id_t>(process_.get()), &ended,
                            WEXITED | WNOWAIT)) < 0 &&
         errno == EINTR) {
  }
  Error error{.what = "the file could not be decoded"};
  if (waited < 0) {
    error.found = "its decoder ended early";
  } else if (ended.si_code == CLD_EXITED) {
    error.found = fmt::format("its decoder ended with {}", ended.si_status);
  } else if (ended.si_status == SIGSYS) {
    error.found = "its decoder tried something that it may not do, and was stopped";
  } else if (ended.si_status == SIGXCPU || ended.si_status == SIGKILL) {
    error.found = "its decoder took too long, and was stopped";
  } else {
    error.found = fmt::format("its decoder crashed (signal {})", ended.si_status);
  }
  return error;
}

// In slices, between which the caller is asked whether it still wants to.
Status DecoderProcess::WaitForOutput() {
  constexpr std::chrono::milliseconds kSilence(kDecoderSilenceMs);
  const Clock::time_point begin = Clock::now();
  while (true) {
    if (watch_ && !watch_(share_)) return Fail(Cancelled());
    pollfd wait{.fd = output_.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wait, 1, kSliceMs);
    const Clock::duration waited = Clock::now() - begin;
    if (ready > 0 && waited < left_) {
      left_ -= waited;
      return {};
    }
    if (waited < kSilence && waited < left_) continue;
    return Fail({.what = "the file could not be decoded",
                 .found = waited < left_ ? fmt::format("its decoder was silent for {} seconds, and "
                                                       "was stopped",
                                                       kDecoderSilenceMs / 1000)
                                         : "its decoder took too long, and was stopped"});
  }
}

Status DecoderProcess::ReadBody(void* out, size_t size) {
  char* at = static_cast<char*>(out);
  while (size > 0) {
    CARAT_TRY(WaitForOutput());
    const ssize_t n = ::read(output_.get(), at, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Fail(HowItEnded());
    at += n;
    size -= static_cast<size_t>(n);
  }
  return {};
}

// The body of a kError. Its text comes from the other side: it is cut and cleaned.
Error DecoderProcess::ReadError(uint64_t size) {
  if (size == 0 || size > wire::kMaxErrorBody) return Nonsense();
  std::string body(static_cast<size_t>(size), '\0');
  if (const Status done = ReadBody(body.data(), body.size()); !done) return done.error();
  Error error;
  // Codes that a caller acts upon, such as kCancelled, are not the decoder's to give.
  const auto code = static_cast<ErrorCode>(static_cast<unsigned char>(body[0]));
  const bool its =
      code == ErrorCode::kUnsupported || code == ErrorCode::kIo || code == ErrorCode::kNoMemory;
  error.code = its ? code : ErrorCode::kInvalid;
  size_t at = 1;
  for (std::string* part : {&error.what, &error.where, &error.wanted, &error.found}) {
    const size_t end = std::min(body.find('\0', at), body.size());
    *part = SanitizeUtf8(std::string_view(body).substr(at, end - at));
    at = std::min(end + 1, body.size());
  }
  if (error.what.empty()) error.what = "the file could not be decoded";
  return error;
}

Result<wire::Header> DecoderProcess::NextHeader() {
  while (true) {
    wire::Header header{};
    CARAT_TRY(ReadBody(&header, sizeof header));
    if (header.kind == wire::Kind::kError) return Fail(ReadError(header.size));
    if (header.kind != wire::Kind::kProgress) return header;
    double share = 0;
    if (header.size != sizeof share) return Fail(Nonsense());
    CARAT_TRY(ReadBody(&share, sizeof share));
    share_ = share >= 0 && share <= 1 ? share : 0;  // not of a number that is none
  }
}

}  // namespace carat
