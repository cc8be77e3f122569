// The cage of carat-decode: what the program finds when it begins, what becomes of one that ends
// badly, and how many run at once.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/scoped_fd.h"
#include "media/decoder.h"
#include "media/limits.h"
#include "media/wire.h"
#include "tests/support/errors.h"
#include "tests/support/media_sources.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

class DecoderScript : public testing::Test {
 protected:
  // A program of a shell's lines in place of carat-decode.
  MediaDecoder Program(const std::string& lines, MediaWatch watch = {}) const {
    const std::filesystem::path path = folder_ / "script";
    std::ofstream(path) << "#!/bin/sh\n" << lines << "\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return MediaDecoder(path, std::move(watch));
  }
  TempFolder folder_;
  MediaSource source_ = SourceOf("x", "some.file");
};

TEST_F(DecoderScript, HowItEndedIsTold) {
  for (const auto& [end, told] : {std::pair{"kill -SEGV $$", "crashed (signal 11)"},
                                  {"kill -SYS $$", "may not do"},
                                  {"kill -XCPU $$", "took too long"},
                                  {"kill -KILL $$", "took too long"},
                                  {"exit 3", "ended with 3"}}) {
    ExpectError(Program(end).Picture(source_), {"some.file", "could not be decoded", told});
  }
}

// It finds no environment and no descriptor but its pipes and standard error; the shell adds the
// script's own and the folder's that it lists.
TEST_F(DecoderScript, BeginsWithNothing) {
  constexpr int kInherited = 50;
  const ScopedFd open(::fcntl(STDERR_FILENO, F_DUPFD, kInherited));  // not closed by exec
  ASSERT_TRUE(open.valid());
  const MediaDecoder telling = Program(
      "n=$(/usr/bin/wc -c < /proc/$$/environ); f=$(cd /proc/$$/fd && echo *)\n"
      "printf '\\1\\0\\0\\0\\0\\0\\0\\0\\100\\0\\0\\0\\0\\0\\0\\0'\n"
      "printf '%-64s' \" environ $n bytes, descriptors $f .\"");
  const auto told = telling.Picture(source_);
  ASSERT_FALSE(told.has_value());
  const std::string message = told.error().Message();
  ASSERT_NE(message.find("environ 0 bytes, descriptors "), std::string::npos) << message;
  std::istringstream words(message.substr(message.find("descriptors ") + 12));
  const std::set<std::string> expected = {"0", "1", "2", "3", "10", "255"};
  int count = 0;
  for (std::string word; words >> word && word != "."; ++count)
    EXPECT_TRUE(expected.contains(word)) << message;
  EXPECT_GE(count, 3) << message;
}

TEST_F(DecoderScript, OnlySoManyRunAtOnce) {
  const MediaDecoder slow =
      Program(": > " + (folder_ / "run").string() + ".$$; /bin/sleep 0.4; rm -f " +
              (folder_ / "run").string() + ".$$");
  std::atomic<int> ended = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < kMaxDecoders + 2; ++i) {
    callers.emplace_back([&] {
      EXPECT_FALSE(slow.Picture(SourceOf("x", "some.file")).has_value());
      ++ended;
    });
  }
  size_t most = 0;
  while (ended < kMaxDecoders + 2) {
    size_t running = 0;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path(), ignored))
      running += entry.path().filename().string().starts_with("run.");
    most = std::max(most, running);
    ::usleep(10'000);
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_LE(most, static_cast<size_t>(kMaxDecoders));
  EXPECT_GE(most, 1u);
}

// The program itself, looked at while it waits for somebody to read what it found.
TEST(DecoderProgram, IsLockedWhenItDecodes) {
#ifdef CARAT_SANITIZED
  GTEST_SKIP() << "what watches a program needs more than the decoder may do";
#endif
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const ScopedFd reading(ends[0]);
  ScopedFd writing(ends[1]);
  const std::string program = DecoderPath().string();
  const ScopedFd input(::open(Media("long.flac").c_str(), O_RDONLY | O_CLOEXEC));
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    ::dup2(input.get(), STDIN_FILENO);
    ::dup2(writing.get(), STDOUT_FILENO);
    ::execl(program.c_str(), program.c_str(), "sound", nullptr);
    ::_exit(127);
  }
  writing = ScopedFd();  // so that reading ends where the program does
  wire::Header header{};
  ASSERT_EQ(::read(reading.get(), &header, sizeof header), static_cast<ssize_t>(sizeof header));
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  const std::string text((std::istreambuf_iterator<char>(status)), {});
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  EXPECT_NE(text.find("Seccomp:\t2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("NoNewPrivs:\t1\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace carat
