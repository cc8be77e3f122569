// Downloads that are ended in every way there is, and go on afterwards.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <random>
#include <string>
#include <thread>

#include "base/bytes.h"
#include "hub/client.h"
#include "hub/part_file.h"
#include "io/file.h"
#include "tests/support/errors.h"
#include "tests/support/hub_fixture.h"

namespace carat {
namespace {

class Interruption : public HubFixture {
 protected:
  // Runs Download in a process of its own, which ends with 0 if it succeeds.
  pid_t Fork(const RemoteFile& remote, HubOptions options) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    auto client = HubClient::Create(std::move(options));
    ::_exit(client.has_value() && client->Download(remote, target_).has_value() ? 0 : 1);
  }
  std::filesystem::path Part() const { return PartFile::PartPath(target_); }
  std::filesystem::path Record() const { return PartFile::RecordPath(target_); }

  // Ends a download on its way, so that something is left to go on from.
  void LeaveHalf(const RemoteFile& remote) {
    hub_->Tell(R"({"bytes_per_second": 1000000})");
    const auto cancelled = Client().Download(
        remote, target_, [&](const DownloadProgress& p) { return p.bytes_done < big_.size() / 4; });
    ASSERT_FALSE(cancelled.has_value());
    EXPECT_EQ(cancelled.error().code, ErrorCode::kCancelled);
    EXPECT_FALSE(std::filesystem::exists(target_));
    EXPECT_TRUE(std::filesystem::exists(Part()));
    hub_->Tell("{}");
  }
  void ExpectAnew(const RemoteFile& remote, const std::string& content) {
    const auto done = Client().Download(remote, target_);
    ExpectWhole(done, content);
    EXPECT_EQ(done->bytes_fetched, content.size());
  }
};

TEST_F(Interruption, ACancelledDownloadGoesOn) {
  const RemoteFile remote = Look("big.gguf");
  LeaveHalf(remote);
  const auto done = Client().Download(remote, target_);
  ExpectWhole(done, big_);
  EXPECT_LT(done->bytes_fetched, big_.size() - big_.size() / 5);
}

TEST_F(Interruption, CancelledByTheClientsOwnQuestionToo) {
  HubOptions options = Options();
  int asked = 0;
  options.keep_going = [&] { return ++asked < 4; };
  const RemoteFile remote = Look("big.gguf");
  hub_->Tell(R"({"stall_after": 10})");
  EXPECT_EQ(Client(options).Download(remote, target_).error().code, ErrorCode::kCancelled);
}

// Cancelled while the hash is computed: all is there already.
TEST_F(Interruption, CancelledWhileChecking) {
  const RemoteFile remote = Look("big.gguf");
  const auto no_checks = [](const DownloadProgress& p) {
    return p.phase == DownloadProgress::Phase::kDownloading;
  };
  EXPECT_EQ(Client().Download(remote, target_, no_checks).error().code, ErrorCode::kCancelled);
  const auto done = Client().Download(remote, target_);
  ExpectWhole(done, big_);
  EXPECT_EQ(done->bytes_fetched, 0u);
}

TEST_F(Interruption, KilledAtAnyMoment) {
  hub_->Put(std::string(kRepository), "big.gguf", big_);
  const RemoteFile remote = Look("big.gguf");
  hub_->Tell(R"({"bytes_per_second": 60000})");
  std::mt19937 random(20261201);
  int killed = 0;
  for (int i = 0; i < 20; ++i) {
    const pid_t pid = Fork(remote, Options());
    ASSERT_GT(pid, 0);
    // Some right at the beginning; most around a second, when the record is written.
    const int ms = i % 4 == 0 ? static_cast<int>(random() % 50) : static_cast<int>(random() % 900);
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
    ::kill(pid, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    killed += WIFSIGNALED(status);
    if (!WIFSIGNALED(status)) break;  // it was done
    EXPECT_FALSE(std::filesystem::exists(target_));
  }
  EXPECT_GE(killed, 10);
  hub_->Tell("{}");
  ExpectWhole(Client().Download(remote, target_), big_);
}

// What the record claims is on the disk: the second half alone is asked for.
TEST_F(Interruption, AKilledDownloadLosesASecondAtMost) {
  const RemoteFile remote = Look("big.gguf");
  hub_->Tell(R"({"bytes_per_second": 100000})");
  const pid_t pid = Fork(remote, Options());
  ASSERT_GT(pid, 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(1900));
  ::kill(pid, SIGKILL);
  ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
  hub_->Tell("{}");
  const auto done = Client().Download(remote, target_);
  ExpectWhole(done, big_);
  EXPECT_LT(done->bytes_fetched, big_.size() - 100'000);
}

TEST_F(Interruption, AnotherFileBeginsAnew) {
  LeaveHalf(Look("big.gguf"));
  for (const size_t size : {big_.size(), big_.size() + 1, size_t{5000}}) {
    const std::string other = Noise(size, 9);
    hub_->Put(std::string(kRepository), "big.gguf", other);
    ExpectAnew(Look("big.gguf"), other);
    std::filesystem::remove(target_);
    hub_->Put(std::string(kRepository), "big.gguf", big_);
    LeaveHalf(Look("big.gguf"));
  }
}

TEST_F(Interruption, ADamagedRecordBeginsAnew) {
  const RemoteFile remote = Look("big.gguf");
  LeaveHalf(remote);
  const std::string good = MustRead(Record());
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    EXPECT_NE(text.find(from), std::string::npos) << from << text;
    return text.replace(text.find(from), from.size(), to);
  };
  for (const std::string& record :
       {std::string(), std::string("{"), std::string("[]"), good.substr(0, good.size() / 2),
        with("\"format\": 1", "\"format\": 2"), with("[0, 65536,", "[1, 65536,"),
        with("[0, 65536,", "[0, 65537,"), with("[0, 65536,", "[0, -1,"),
        with("[0, 65536,", "[0, 65536, 65537], [0, 65536,"), with("1000000", "999999"),
        with("[0, 65536,", "[0, 1e3,")}) {
    ASSERT_OK(WriteFileAtomic(Record(), AsBytes(record)));
    ExpectAnew(remote, big_);
    std::filesystem::remove(target_);
    LeaveHalf(remote);
  }
  std::filesystem::remove(Record());
  ExpectAnew(remote, big_);
  std::filesystem::remove(target_);
  LeaveHalf(remote);
  std::filesystem::resize_file(Part(), 500'000);
  ExpectAnew(remote, big_);
}

// Bytes that are not what the record says they are cost a second attempt, never a wrong file.
TEST_F(Interruption, DamagedBytesAreFound) {
  const RemoteFile remote = Look("big.gguf");
  LeaveHalf(remote);
  const auto size = std::filesystem::file_size(Part());
  std::filesystem::resize_file(Part(), 0);
  std::filesystem::resize_file(Part(), size);
  const auto done = Client().Download(remote, target_);
  ExpectWhole(done, big_);
  EXPECT_GT(done->bytes_fetched, big_.size());
}

TEST_F(Interruption, OneProcessAtATime) {
  const RemoteFile remote = Look("big.gguf");
  hub_->Tell(R"({"bytes_per_second": 100000})");
  const pid_t pid = Fork(remote, Options());
  ASSERT_GT(pid, 0);
  while (!std::filesystem::exists(Record()))
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const auto second = Client().Download(remote, target_);
  ExpectError(second, {Part().string(), "another process is downloading this file"});
  EXPECT_EQ(second.error().code, ErrorCode::kIo);
  hub_->Tell("{}");
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(MustRead(target_) == big_);
}

// A limit on the size of files stands for a disk that ends.
TEST_F(Interruption, AFileThatMayNotGrow) {
  const RemoteFile remote = Look("big.gguf");
  LeaveHalf(remote);
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const struct rlimit tight{500'000, 500'000};
    ::setrlimit(RLIMIT_FSIZE, &tight);
    const auto done = Client().Download(remote, target_);
    ::_exit(!done.has_value() &&
                    done.error().Message().find("target.part: cannot write the file: File too") !=
                        std::string::npos
                ? 0
                : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  const auto done = Client().Download(remote, target_);
  ExpectWhole(done, big_);
  EXPECT_LT(done->bytes_fetched, big_.size());
}

TEST_F(Interruption, AFullDisk) {
  const std::filesystem::path disk = folder_ / "disk";
  std::filesystem::create_directory(disk);
  if (::mount("none", disk.c_str(), "tmpfs", 0, "size=800k") != 0)
    GTEST_SKIP() << "no small disk: mounting one needs root";
  target_ = disk / "target";
  const RemoteFile remote = Look("big.gguf");
  const auto done = Client().Download(remote, target_);
  EXPECT_EQ(::mount("none", disk.c_str(), "tmpfs", MS_REMOUNT, "size=4m"), 0);
  const auto again = Client().Download(remote, target_);
  const bool whole = MustRead(target_) == big_;
  EXPECT_EQ(::umount2(disk.c_str(), MNT_DETACH), 0);
  ExpectError(done,
              {"disk/target.part", "too little room on the disk", "bytes more", "bytes free"});
  EXPECT_EQ(done.error().code, ErrorCode::kIo);
  EXPECT_TRUE(again.has_value()) << (again ? "" : again.error().Message());
  EXPECT_TRUE(whole);
}

TEST_F(Interruption, WhatIsNoFileIsNotTouched) {
  const RemoteFile remote = Look("big.gguf");
  ASSERT_OK(WriteFileAtomic(folder_ / "precious", AsBytes("mine")));
  std::filesystem::create_symlink(folder_ / "precious", Part());
  ExpectError(Client().Download(remote, target_), {"target.part", "cannot open the file"});
  EXPECT_EQ(MustRead(folder_ / "precious"), "mine");
}

}  // namespace
}  // namespace carat
