#include "io/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "base/bytes.h"
#include "base/scoped_fd.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

size_t CountFiles(const std::filesystem::path& folder) {
  size_t n = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++n;
  return n;
}

unsigned ModeOf(const std::filesystem::path& path) {
  struct stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return info.st_mode & 0777;
}

TEST(ReadFile, ReadsWholeFiles) {
  const TempFolder folder;
  std::string big(300'000, 'x');
  big[150'000] = '\0';
  for (const std::string& text : {std::string(), std::string("a\0b", 3), big}) {
    ASSERT_OK(WriteFileAtomic(folder / "f", AsBytes(text)));
    EXPECT_EQ(ReadFile(folder / "f", text.size()).value(), text);
  }
}

TEST(ReadFile, RefusesWithThePath) {
  const TempFolder folder;
  ASSERT_OK(WriteFileAtomic(folder / "f", AsBytes("12345")));
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  ExpectError(ReadFile(folder / "f", 4),
              {(folder / "f").string(), "too long", "wanted at most 4 bytes", "found 5"});
  ExpectError(ReadFile(folder / "none", 9), {(folder / "none").string(), "No such file"});
  ExpectError(ReadFile(folder / "", 9), {"wanted a regular file", "found a directory"});
  ExpectError(ReadFile(folder / "pipe", 9), {"pipe", "wanted a regular file", "found a pipe"});
  ExpectError(ReadFile("/dev/zero", 9), "found a pipe, socket or device");
  ExpectError(ReadFile(folder / "f" / "below", 9), "Not a directory");
  EXPECT_EQ(ReadFile(folder / "none", 9).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ReadFile(folder / "", 9).error().code, ErrorCode::kIo);
}

TEST(ReadDescriptor, StopsAtTheLimit) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const ScopedFd read_end(ends[0]);
  {
    const ScopedFd write_end(ends[1]);
    ASSERT_EQ(::write(write_end.get(), "hello", 5), 5);
  }
  ExpectError(ReadDescriptor(read_end.get(), "standard input", 4),
              {"standard input", "too long", "at most 4 bytes"});
  EXPECT_EQ(ReadDescriptor(read_end.get(), "standard input", 4).value(), "");
  ExpectError(ReadDescriptor(-1, "nothing", 4), {"nothing", "cannot read", "Bad file descriptor"});
}

TEST(WriteFileAtomic, WritesReplacesAndLeavesNothingElse) {
  const TempFolder folder;
  ASSERT_OK(WriteFileAtomic(folder / "f", AsBytes("old")));
  EXPECT_EQ(ModeOf(folder / "f"), 0644u);
  ASSERT_OK(WriteFileAtomic(folder / "f", AsBytes("new"), 0600));
  EXPECT_EQ(MustRead(folder / "f"), "new");
  EXPECT_EQ(ModeOf(folder / "f"), 0600u);
  EXPECT_EQ(CountFiles(folder.path()), 1u);
}

TEST(WriteFileAtomic, ReplacesAFileThatIsStillMapped) {
  const TempFolder folder;
  ASSERT_OK(WriteFileAtomic(folder / "f", AsBytes("old bytes")));
  ASSERT_VALUE(const MappedFile mapped, MappedFile::Open(folder / "f"));
  ASSERT_OK(WriteFileAtomic(folder / "f", AsBytes("n")));
  EXPECT_EQ(AsText(mapped.bytes()), "old bytes");
}

TEST(WriteFileAtomic, AFailureKeepsTheOldFile) {
  const TempFolder folder;
  ExpectError(WriteFileAtomic(folder / "none" / "f", AsBytes("x")),
              {"none/f", "cannot create the file"});
  // A folder of that name is refused before anything is written.
  std::filesystem::create_directory(folder / "d");
  ExpectError(WriteFileAtomic(folder / "d", AsBytes("x")),
              "cannot create the file: Is a directory");
  EXPECT_EQ(CountFiles(folder.path()), 1u);

  // A file size limit makes the write itself fail, as a full disk would.
  ASSERT_OK(WriteFileAtomic(folder / "f", AsBytes("old")));
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit tight = before;
  tight.rlim_cur = 1000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const Status written = WriteFileAtomic(folder / "f", AsBytes(std::string(5000, 'x')));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ExpectError(written, {(folder / "f").string(), "cannot write the file", "File too large"});
  EXPECT_EQ(MustRead(folder / "f"), "old");
  EXPECT_EQ(CountFiles(folder.path()), 2u);
}

TEST(MappedFile, MapsMovesAndRefuses) {
  const TempFolder folder;
  ASSERT_OK(WriteFileAtomic(folder / "f", AsBytes("bytes")));
  ASSERT_OK(WriteFileAtomic(folder / "empty", {}));
  ASSERT_VALUE(MappedFile a, MappedFile::Open(folder / "f"));
  ASSERT_VALUE(MappedFile b, MappedFile::Open(folder / "empty"));
  EXPECT_TRUE(b.bytes().empty());
  b = std::move(a);
  EXPECT_EQ(AsText(b.bytes()), "bytes");
  const MappedFile c(std::move(b));
  EXPECT_EQ(AsText(c.bytes()), "bytes");
  ExpectError(MappedFile::Open(folder.path()), {folder.path().string(), "found a directory"});
  ExpectError(MappedFile::Open(folder / "none"), "No such file");
}

}  // namespace
}  // namespace carat
