#include "sys/executable.h"

#include <gtest/gtest.h>

namespace carat {
namespace {

TEST(ExecutableFolder, IsWhereTheTestsAre) {
  EXPECT_EQ(ExecutableFolder().filename(), "tests");
  EXPECT_TRUE(std::filesystem::exists(ExecutableFolder() / "sys_test"));
}

}  // namespace
}  // namespace carat
