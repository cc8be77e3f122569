// Where tests find their data, and short readers for it.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/ids.h"
#include "io/file.h"
#include "io/json.h"

namespace carat {

inline std::filesystem::path SourceDir() { return CARAT_SOURCE_DIR; }
inline std::filesystem::path Golden(const std::string& name) {
  return SourceDir() / "tests/golden" / name;
}

// carat-point, as carat ships it.
inline std::filesystem::path PointFolder() { return SourceDir() / "models/point"; }

inline std::string MustRead(const std::filesystem::path& path) {
  auto text = ReadFile(path, size_t{1} << 30);
  EXPECT_TRUE(text.has_value()) << (text ? "" : text.error().Message());
  return text.value_or("");
}

inline Json MustParse(std::string_view text) {
  auto json = ParseJson(text, {.max_nodes = 100'000'000});  // goldens are long
  EXPECT_TRUE(json.has_value()) << (json ? "" : json.error().Message());
  return json.value_or(Json());
}

inline std::vector<TokenId> ToIds(const Json& json) {
  std::vector<TokenId> ids;
  EXPECT_TRUE(json.is_array());
  if (!json.is_array()) return ids;
  for (const Json& id : json.array()) ids.push_back(static_cast<TokenId>(id.integer()));
  return ids;
}

inline std::vector<TokenId> MustReadIds(const std::filesystem::path& path) {
  return ToIds(MustParse(MustRead(path)));
}

}  // namespace carat

// The value of a Result, or a failed test that shows the error.
#define ASSERT_VALUE(declaration, ...)                      \
  auto CARAT_CONCAT(tested_, __LINE__) = (__VA_ARGS__);     \
  ASSERT_TRUE(CARAT_CONCAT(tested_, __LINE__).has_value())  \
      << CARAT_CONCAT(tested_, __LINE__).error().Message(); \
  declaration = *std::move(CARAT_CONCAT(tested_, __LINE__))

#define ASSERT_OK(...)                                           \
  do {                                                           \
    const auto tested = (__VA_ARGS__);                           \
    ASSERT_TRUE(tested.has_value()) << tested.error().Message(); \
  } while (false)
