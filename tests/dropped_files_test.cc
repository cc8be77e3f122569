#include "apps/dropped_files.h"

#include <gtest/gtest.h>

namespace carat {
namespace {

std::optional<PartKind> KindOf(const std::string& path) {
  if (path.ends_with(".png")) return PartKind::kImage;
  if (path.ends_with(".wav")) return PartKind::kAudio;
  return std::nullopt;
}

TEST(DroppedFiles, TakeTheFormsOfTerminals) {
  const struct {
    std::string line;
    std::vector<std::string> paths;
    std::string text;
  } cases[] = {
      {"/a/b.png", {"/a/b.png"}, ""},
      {"/a/b.png ", {"/a/b.png"}, ""},
      {"'/a/my b.png' What is it?", {"/a/my b.png"}, "What is it?"},
      {"\"/a/my b.png\"", {"/a/my b.png"}, ""},
      {R"(/a/my\ b\'s.png what's this)", {"/a/my b's.png"}, "what's this"},
      {"/a.png /b.wav\nand now", {"/a.png", "/b.wav"}, "and now"},
      {"file:///a/my%20b.png", {"/a/my b.png"}, ""},
      {"file://host/a.png", {"/a.png"}, ""},
      // Messages like any other.
      {"/a/b.txt what?", {}, "/a/b.txt what?"},
      {"a.png", {}, "a.png"},
      {"look at /a/b.png", {}, "look at /a/b.png"},
      {"'/a/b.png", {}, "'/a/b.png"},
      {"file:///a/b%zz.png2", {}, "file:///a/b%zz.png2"},
      {"", {}, ""},
      {"\\", {}, "\\"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.line);
    const DroppedFiles found = FindDroppedFiles(c.line, KindOf);
    std::vector<std::string> paths;
    for (const DroppedFile& file : found.files) {
      paths.push_back(file.path);
      EXPECT_EQ(file.kind, KindOf(file.path));
    }
    EXPECT_EQ(paths, c.paths);
    EXPECT_EQ(found.text, c.text);
  }
}

TEST(DroppedFiles, PathsBehindACommand) {
  EXPECT_EQ(TypedPath("/a/b.png"), "/a/b.png");
  EXPECT_EQ(TypedPath("'/a/my b.png'"), "/a/my b.png");
  EXPECT_EQ(TypedPath("/a/my\\ b.png"), "/a/my b.png");
  EXPECT_EQ(TypedPath("my b.png"), "my b.png");  // typed by a person
  EXPECT_EQ(TypedPath("it's.png"), "it's.png");
}

}  // namespace
}  // namespace carat
