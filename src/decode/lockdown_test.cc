#include "decode/lockdown.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

namespace carat::decode {
namespace {

// How a locked-in child ends that does this: the signal that killed it, or minus its exit code.
int EndOf(const std::function<void()>& action, const Bounds& bounds = {uint64_t{1} << 30, 10},
          int output = STDOUT_FILENO) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(output, STDOUT_FILENO);
    ::close(STDERR_FILENO);
    if (!LockDown(bounds)) _exit(99);
    action();
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

class LockDownTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!kHasCage) GTEST_SKIP() << "sanitizers need what the cage forbids; make test runs it";
  }
};

TEST_F(LockDownTest, LetsAProcessComputeAndWrite) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_EQ(EndOf(
                [&] {
                  std::vector<char> memory(size_t{64} << 20, 'x');
                  if (::write(STDOUT_FILENO, memory.data(), 3) != 3) _exit(1);
                },
                {uint64_t{1} << 30, 10}, ends[1]),
            0);
  ::close(ends[1]);
  char text[4] = {};
  EXPECT_EQ(::read(ends[0], text, 3), 3);
  EXPECT_STREQ(text, "xxx");
}

TEST_F(LockDownTest, KillsWhatReachesOut) {
  const struct {
    const char* name;
    std::function<void()> action;
  } cases[] = {
      {"open a file", [] { ::open("/etc/passwd", O_RDONLY); }},
      {"make a file", [] { ::creat("/tmp/carat-lockdown-test", 0600); }},
      {"open a socket", [] { ::socket(AF_INET, SOCK_STREAM, 0); }},
      {"open a local socket", [] { ::socket(AF_UNIX, SOCK_STREAM, 0); }},
      {"start a process", [] { ::fork(); }},
      {"run a program", [] { ::execl("/bin/true", "true", nullptr); }},
      {"signal its parent", [] { ::kill(::getppid(), SIGTERM); }},
      {"write elsewhere", [] { ::write(3, "x", 1); }},
      {"read elsewhere",
       [] {
         char c;
         ::read(STDOUT_FILENO, &c, 1);
       }},
      {"signal its group", [] { ::kill(0, SIGTERM); }},
      {"signal another thread group", [] { ::syscall(SYS_tgkill, ::getppid(), ::getppid(), 0); }},
      {"share memory", [] { (void)::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, STDIN_FILENO, 0); }},
      {"delete a file", [] { ::unlink("/tmp/carat-lockdown-test"); }},
      {"make code",
       [] {
         (void)::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
       }},
  };
  for (const auto& c : cases) EXPECT_EQ(EndOf(c.action), SIGSYS) << c.name;
  // Complaints are no attack, and what damages itself has crashed.
  EXPECT_EQ(EndOf([] {
              std::fputs("bad data\n", stderr);
              const iovec text{.iov_base = const_cast<char*>("x"), .iov_len = 1};
              ::writev(STDERR_FILENO, &text, 1);
            }),
            0);
  EXPECT_EQ(EndOf([] { std::abort(); }), SIGABRT);
}

TEST_F(LockDownTest, BoundsMemoryAndTime) {
  EXPECT_EQ(EndOf(
                [] {
                  // malloc says no instead of growing without end.
                  _exit(std::malloc(size_t{600} << 20) == nullptr ? 7 : 8);
                },
                {uint64_t{400} << 20, 10}),
            -7);
  const int signal = EndOf(
      [] {
        volatile bool on = true;
        while (on) {
        }
      },
      {uint64_t{1} << 30, 1});
  EXPECT_TRUE(signal == SIGXCPU || signal == SIGKILL) << signal;
}

}  // namespace
}  // namespace carat::decode
