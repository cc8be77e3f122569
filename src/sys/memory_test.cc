#include "sys/memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <string>

#include "tests/support/temp_folder.h"

namespace carat {
namespace {

class FakeSystem : public testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  size_t Available() const { return AvailableMemory(root_.path()); }
  TempFolder root_;
};

TEST(AvailableMemory, IsPlausible) {
  EXPECT_GT(AvailableMemory(), size_t{1} << 20);
  EXPECT_LT(AvailableMemory(), SIZE_MAX);  // Linux says
}

TEST_F(FakeSystem, WithoutWordIsEndless) { EXPECT_EQ(Available(), SIZE_MAX); }

TEST_F(FakeSystem, GivesWhatTheMachineHas) {
  Write("proc/meminfo", "MemTotal:  100 kB\nMemAvailable:   40 kB\n");
  EXPECT_EQ(Available(), 40u * 1024);
}

TEST_F(FakeSystem, TakesTheNarrowestGroupOfVersion2) {
  Write("proc/meminfo", "MemAvailable: 1000 kB\n");
  Write("proc/self/cgroup", "0::/user/app\n");
  Write("sys/fs/cgroup/user/app/memory.max", "max\n");
  Write("sys/fs/cgroup/user/app/memory.current", "5000\n");
  EXPECT_EQ(Available(), 1000u * 1024);
  Write("sys/fs/cgroup/user/memory.max", "90000\n");
  Write("sys/fs/cgroup/user/memory.current", "50000\n");
  EXPECT_EQ(Available(), 40000u);
  Write("sys/fs/cgroup/user/memory.stat", "anon 1\ninactive_file 7000\nactive_file 3000\n");
  EXPECT_EQ(Available(), 50000u);
  Write("sys/fs/cgroup/user/memory.max", "10\n");
  EXPECT_EQ(Available(), 0u);
}

TEST_F(FakeSystem, ReadsVersion1AndSeesAContainersMount) {
  Write("proc/meminfo", "MemAvailable: 1000 kB\n");
  Write("proc/self/cgroup", "5:cpu,memory:/docker/a1\n2:pids:/\n0::/\n");
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "30000\n");
  Write("sys/fs/cgroup/memory/memory.usage_in_bytes", "10000\n");
  EXPECT_EQ(Available(), 20000u);
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(Available(), 1000u * 1024);
}

}  // namespace
}  // namespace carat
