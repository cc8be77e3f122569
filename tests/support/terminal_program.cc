#include "tests/support/terminal_program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "sys/clock.h"

namespace carat {
namespace {

constexpr double kPatienceSeconds = 60;
constexpr int kPollMs = 5;
// Line editors switch marks of pasted text on before they show their prompt.
constexpr std::string_view kPasteMarksOn = "\x1b[?2004h";

// In the child.
[[noreturn]] void Become(const std::string& program, const std::vector<std::string>& arguments,
                         const std::filesystem::path& home) {
  for (const char* name : {"HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"})
    ::setenv(name, home.c_str(), 1);
  ::setenv("TERM", "xterm", 1);
  // libedit leaks the names that EL_ADDFN takes, which a sanitizer would tell by the exit code.
  const char* const asan = std::getenv("ASAN_OPTIONS");
  const std::string before = asan != nullptr ? asan + std::string(":") : "";
  ::setenv("ASAN_OPTIONS", (before + "detect_leaks=0").c_str(), 1);
  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  ::_exit(127);
}

}  // namespace

TerminalProgram::TerminalProgram(const std::string& program,
                                 const std::vector<std::string>& arguments,
                                 const std::filesystem::path& home) {
  const winsize size = {.ws_row = 50, .ws_col = 500, .ws_xpixel = 0, .ws_ypixel = 0};
  int fd = -1;
  pid_ = ::forkpty(&fd, nullptr, nullptr, &size);
  if (pid_ == 0) Become(program, arguments, home);
  if (pid_ < 0) {
    Broken("no pseudo terminal");
    return;
  }
  fd_ = ScopedFd(fd);
  // A second program must not hold the first one's terminal open.
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

TerminalProgram::~TerminalProgram() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void TerminalProgram::Broken(std::string_view problem) {
  constexpr size_t kShown = 2000;
  const size_t from = screen_.size() - std::min(screen_.size(), kShown);
  ADD_FAILURE() << problem
                << "; the screen ends with: " << ::testing::PrintToString(screen_.substr(from));
  broken_ = true;
}

bool TerminalProgram::ReadSome(double deadline) {
  pollfd waiting = {.fd = fd_.get(), .events = POLLIN, .revents = 0};
  const double left_ms = std::max(0.0, deadline - Now()) * 1000;
  if (::poll(&waiting, 1, static_cast<int>(left_ms)) <= 0) return true;
  char block[4096];
  const ssize_t got = ::read(fd_.get(), block, sizeof block);
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0) return false;  // EIO: the program has closed its side
  screen_.append(block, static_cast<size_t>(got));
  return true;
}

void TerminalProgram::Send(std::string_view keys) {
  while (!broken_ && !keys.empty()) {
    const ssize_t put = ::write(fd_.get(), keys.data(), keys.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return Broken("nothing can be typed");
    keys.remove_prefix(static_cast<size_t>(put));
  }
}

std::string TerminalProgram::WaitFor(std::string_view text) {
  const double deadline = Now() + kPatienceSeconds;
  while (!broken_) {
    if (const size_t at = screen_.find(text, found_); at != std::string::npos) {
      std::string before = screen_.substr(found_, at - found_);
      found_ = at + text.size();
      return before;
    }
    if (Now() >= deadline) {
      Broken("no " + ::testing::PrintToString(std::string(text)) + " in a minute");
    } else if (!ReadSome(deadline)) {
      Broken("the program ended before " + ::testing::PrintToString(std::string(text)));
    }
  }
  return "";
}

std::string TerminalProgram::WaitForPrompt(std::string_view prompt) {
  std::string before = WaitFor(std::string(kPasteMarksOn) + std::string(prompt));
  const double deadline = Now() + kPatienceSeconds;
  while (!broken_ && is_cooked()) {
    if (Now() >= deadline) Broken("the editor does not take the terminal");
    ::usleep(kPollMs * 1000);
  }
  return before;
}

int TerminalProgram::WaitForEnd() {
  const double deadline = Now() + kPatienceSeconds;
  while (!broken_ && ReadSome(deadline)) {
    if (Now() >= deadline) Broken("the program does not end");
  }
  int status = -1;
  if (broken_ || ::waitpid(std::exchange(pid_, -1), &status, 0) < 0) return -1;
  return status;
}

void TerminalProgram::Signal(int signal) const {
  if (pid_ > 0) ::kill(pid_, signal);
}

bool TerminalProgram::is_cooked() const {
  termios now{};
  EXPECT_EQ(::tcgetattr(fd_.get(), &now), 0);
  return (now.c_lflag & (ICANON | ECHO)) == (ICANON | ECHO);
}

}  // namespace carat
