// carat-point through the real program: found without --model, and answering as it was taught.
#include <filesystem>
#include <string>
#include <utility>

#include "tests/support/run_carat.h"

namespace carat {
namespace {

// A home without models, so that the program takes the one that comes with it.
const std::string kEmptyHome = "HOME=/nonexistent XDG_DATA_HOME=/nonexistent";

std::string Answer(const std::string& arguments) {
  const Ran ran = RunCarat("run " + arguments, kEmptyHome);
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(ran.err.starts_with("This is carat-point, ")) << ran.err;
  EXPECT_EQ(ran.err.find('\n'), ran.err.size() - 1) << ran.err;
  return ran.out;
}

TEST(CliPoint, TalksWithoutBeingNamed) {
  EXPECT_EQ(Answer("'Who are you?'"),
            "I am carat-point, a very small model that runs on your own computer.\n");
  EXPECT_EQ(Answer("'Thank you!'"), "You are welcome!\n");
}

TEST(CliPoint, SeesAndHears) {
  const std::string folder = (SourceDir() / "tests/fixtures/point").string();
  const Ran seen =
      RunCarat("run --model point --image " + folder + "/shapes.png 'What colour is the circle?'",
               kEmptyHome);
  EXPECT_EQ(seen.out, "The circle is yellow.\n") << seen.err;
  for (const auto& [name, said] : {std::pair{"seven", "7\n"}, {"door", "Open the door.\n"}}) {
    const Ran heard =
        RunCarat("transcribe --model point " + folder + "/" + name + ".wav", kEmptyHome);
    EXPECT_EQ(heard.out, said) << heard.err;
  }
}

// A picture, a recording and a film in one message, and a question about each.
TEST(CliPoint, SeesAndHearsAllTogether) {
  const std::string folder = (SourceDir() / "tests/fixtures/point").string();
  const std::string media = "run --model point --image " + folder + "/shapes.png --audio " +
                            folder + "/door.wav --video " + folder + "/shapes.mp4 ";
  for (const auto& [question, answer] :
       {std::pair{"What colour is the circle in the picture?", "The circle is yellow.\n"},
        {"What was said?", "Open the door.\n"},
        {"What appears first?", "First there is a red square.\n"},
        {"When does the purple star appear?", "It appears at 00:02.\n"}}) {
    const Ran ran = RunCarat(media + "'" + question + "'", kEmptyHome);
    EXPECT_EQ(ran.out, answer) << ran.err;
  }
}

TEST(CliPoint, IsFoundByName) {
  EXPECT_EQ(Answer("--model point 'Goodbye!'"), "Goodbye! Come back soon.\n");
}

TEST(CliPoint, ComesWithTheInstalledProgram) {
  const TempFolder prefix;
  std::filesystem::create_directories(prefix / "bin");
  std::filesystem::create_directories(prefix / "share/carat/models");
  std::filesystem::copy_file(CARAT_BINARY, prefix / "bin/carat");
  std::filesystem::create_directory_symlink(PointFolder(), prefix / "share/carat/models/point");
  const Ran ran = RunProgram((prefix / "bin/carat").string(), "run 'Thanks!'", kEmptyHome);
  EXPECT_EQ(ran.out, "You are welcome!\n") << ran.err;
}

TEST(CliPoint, IsMissedWithAnError) {
  const TempFolder prefix;
  std::filesystem::copy_file(CARAT_BINARY, prefix / "carat");
  const Ran ran = RunProgram((prefix / "carat").string(), "run Hello", kEmptyHome);
  EXPECT_EQ(ran.code, 2);
  ExpectHas(ran.err, {"no model is named", "carat-point is not beside the program", "--model"});
}

}  // namespace
}  // namespace carat
