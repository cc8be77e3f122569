#include "page/page.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/support/files.h"

namespace carat {
namespace {

std::string FieldOf(const net::Reply& reply, std::string_view name) {
  for (const auto& [key, value] : reply.fields)
    if (key == name) return value;
  return "";
}

TEST(Page, HoldsEveryFile) {
  const auto files = PageFiles();
  const auto folder = std::filesystem::path(CARAT_SOURCE_DIR) / "src" / "page" / "files";
  size_t count = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    if (file.is_directory()) continue;
    const auto found = files.find("/" + file.path().lexically_relative(folder).string());
    ASSERT_NE(found, files.end()) << file;
    EXPECT_EQ(found->second.body, MustRead(file.path())) << file;
    ++count;
  }
  EXPECT_EQ(files.size(), count + 1);
  EXPECT_EQ(files.at("/").body, files.at("/index.html").body);
  EXPECT_TRUE(files.at("/").content_type.starts_with("text/html"));
}

TEST(Page, RunsNothingButItself) {
  for (const auto& [path, reply] : PageFiles()) {
    const std::string policy = FieldOf(reply, "content-security-policy");
    EXPECT_NE(policy.find("default-src 'none'"), std::string::npos) << path;
    EXPECT_EQ(policy.find("unsafe"), std::string::npos);
    EXPECT_EQ(policy.find("http"), std::string::npos);
    EXPECT_EQ(policy.find('*'), std::string::npos);
  }
  // Nothing stands in the page itself, and nothing comes from elsewhere.
  const std::string html = PageFiles().at("/").body;
  for (const char* const foreign : {"http:", "https:", "//", "style=", "onload", "<style"})
    EXPECT_EQ(html.find(foreign), std::string::npos) << foreign;
}

TEST(Page, IsSmall) {
  size_t bytes = 0;
  // What reads PDF documents comes with the first of them.
  for (const auto& [path, reply] : PageFiles())
    bytes += path == "/" || path.starts_with("/pdf/") ? 0 : reply.body.size();
  EXPECT_LT(bytes, size_t{1} << 20);  // 400 kB compressed are asked for; it compresses to a third
}

}  // namespace
}  // namespace carat
