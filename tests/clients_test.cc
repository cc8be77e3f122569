// The official openai and anthropic clients on `carat serve` (clients/tour.py), where
// tools/fetch_clients.sh could fetch them.
#include <filesystem>
#include <string>

#include "tests/support/run_carat.h"

namespace carat {
namespace {

TEST(Clients, RunTheTour) {
  const std::filesystem::path python =
      std::filesystem::path(CARAT_BINARY).parent_path() / "clients/bin/python";
  if (!std::filesystem::exists(python))
    GTEST_SKIP() << "no Python with the official clients: tools/fetch_clients.sh says why";
  const std::string tour = (SourceDir() / "tests/clients/tour.py").string();
  const Ran ran = RunProgram(python.string(), tour + " " + CARAT_BINARY);
  EXPECT_EQ(ran.code, 0) << ran.err;
}

}  // namespace
}  // namespace carat
