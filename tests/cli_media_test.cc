// Pictures, sound and films through the real program. Answers of the random model mean nothing;
// what is read, shown and refused does.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "base/base64.h"
#include "tests/support/files.h"
#include "tests/support/npy.h"
#include "tests/support/run_carat.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

std::string Media(const std::string& name) {
  return (SourceDir() / "tests/fixtures/media" / name).string();
}

std::string RunOf(const std::string& arguments) {
  return "run --model " + Fixture() + " --temperature 0 --max-tokens 3 " + arguments;
}

TEST(CliMedia, RunShowsWhatItReads) {
  const Ran ran =
      RunCarat(RunOf("--image " + Media("plain.png") + " --audio " + Media("stereo.wav") +
                     " --image " + Media("turn6.jpg") + " --budget 140 --video " +
                     Media("film.mp4") + " --frames 2 'What is that?'"));
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err.substr(0, ran.err.find("carat: the answer")),
            "plain.png: 37 x 23 pixels, budget 140, 135 tokens\n"
            "stereo.wav: 0.3 seconds of sound, 8 tokens\n"
            "turn6.jpg: 23 x 37 pixels, budget 140, 135 tokens\n"
            "film.mp4: 2 frames, 126 tokens\n");
  EXPECT_FALSE(ran.out.empty());
}

TEST(CliMedia, ThePictureMattersAndTheBudgetIsChosen) {
  const Ran first = RunCarat(RunOf("--image " + Media("plain.png") + " hi"));
  const Ran other = RunCarat(RunOf("--image " + Media("one.png") + " hi"));
  ExpectHas(first.err, {"budget 70 (chosen)"});
  EXPECT_NE(first.out, other.out);
  EXPECT_EQ(RunCarat(RunOf("--image " + Media("plain.bmp") + " hi")).out,
            first.out);  // same pixels
}

TEST(CliMedia, WhatCannotBeReadIsSaid) {
  const struct {
    std::string arguments;
    std::vector<std::string_view> parts;
  } cases[] = {
      {"--image /nowhere.png hi", {"/nowhere.png: cannot open the file"}},
      {"--image " + Media("stereo.wav") + " hi", {"stereo.wav", "another kind", "a picture"}},
      {"--audio " + Media("plain.png") + " hi", {"plain.png", "another kind", "sound"}},
      {"--image " + Media("media.json") + " hi", {"media.json", "not a kind of file"}},
      {"--image " + Media("plain.png") + " --budget 100 hi", {"--budget"}},
      {"--video " + Media("film.mp4") + " --frames 0 hi", {"--frames"}},
      {"--video " + Media("film.mp4") + " --fps 0 hi", {"--fps"}},
      {"--video " + Media("film.mp4") + " --fps 1 --frames 2 hi", {"--fps", "--frames"}},
      {"--image " + Media("plain.png") + " --fps 1 hi", {"--fps", "--video"}},
      {"--image " + Media("plain.png") + " --video-sound hi", {"--video-sound", "--video"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.arguments);
    const Ran ran = RunCarat(RunOf(c.arguments));
    EXPECT_EQ(ran.code, 2);
    EXPECT_EQ(ran.out, "");
    for (const auto& part : c.parts) EXPECT_NE(ran.err.find(part), std::string::npos) << ran.err;
  }
}

TEST(CliMedia, InspectMediaSaysWhatIsInAFile) {
  const Ran ran = RunCarat("inspect media --json " + Media("film.mp4"));
  ASSERT_EQ(ran.code, 0) << ran.err;
  const Json json = MustParse(ran.out);
  EXPECT_EQ(json.Find("type")->string(), "MP4");
  EXPECT_EQ(json.Find("width")->integer(), 64);
  EXPECT_EQ(json.Find("sound_tokens")->integer(), 50);
  const Json picture = MustParse(RunCarat("inspect media --json " + Media("turn6.jpg")).out);
  EXPECT_EQ(picture.Find("tokens_at_budget")->Find("280")->integer(), 273);
}

TEST(CliMedia, InspectEmbedWritesSoftTokens) {
  const TempFolder folder;
  const std::string out = (folder / "soft.npy").string();
  const Ran ran = RunCarat("inspect embed --model " + Golden("models/tiny6").string() +
                           " --audio " + Media("stereo.wav") + " --image " + Media("plain.png") +
                           " --budget 70 --reference --out " + out);
  ASSERT_EQ(ran.code, 0) << ran.err;
  ASSERT_VALUE(const NpyFloats rows, ReadNpy(out));
  EXPECT_EQ(rows.shape, (std::vector<size_t>{8 + 60, 48}));
}

// The same media by messages and by a rendered prompt give the same logits.
TEST(CliMedia, MessagesAndRenderedPromptsAgree) {
  const TempFolder folder;
  const std::string messages = (folder / "m.json").string();
  WriteText(messages, R"([{"role": "user", "content": [{"type": "image", "path": ")" +
                          Media("plain.png") + R"(", "budget": 70}, {"type": "text", "text": "hi"},
                          {"type": "audio", "path": ")" +
                          Media("stereo.wav") + R"("}]}])");
  const std::string prompt = (folder / "p.txt").string();
  WriteText(prompt,
            RunCarat("inspect prompt --model " + Fixture() + " --messages " + messages).out);
  const auto logits = [&](const std::string& source, const std::string& name) {
    const std::string out = (folder / name).string();
    const Ran ran =
        RunCarat("inspect logits --model " + Fixture() + " " + source + " --rows all --out " + out);
    EXPECT_EQ(ran.code, 0) << ran.err;
    return ReadNpy(out).value_or(NpyFloats()).values;
  };
  const std::string media =
      " --image " + Media("plain.png") + " --audio " + Media("stereo.wav") + " --budget 70";
  const auto from_messages = logits("--messages " + messages, "a.npy");
  EXPECT_EQ(from_messages, logits("--prompt " + prompt + media, "b.npy"));
  EXPECT_NE(from_messages, logits("--prompt " + prompt + media + " --mask L", "c.npy"));
  const Ran missing = RunCarat("inspect logits --model " + Fixture() + " --prompt " + prompt +
                               " --image " + Media("plain.png") + " --out /dev/null");
  EXPECT_EQ(missing.code, 2);
  ExpectHas(missing.err, {"placeholder 2", "without its medium", "sound"});
}

TEST(CliMedia, DataUrlsAreRead) {
  const TempFolder folder;
  const std::string messages = (folder / "m.json").string();
  WriteText(messages, R"([{"role": "user", "content": [{"type": "image_url", "image_url": {"url":
      "https://example.org/a.png"}}]}])");
  const std::string command =
      "inspect logits --model " + Fixture() + " --out /dev/null --messages " + messages;
  ExpectHas(RunCarat(command).err, {"carat opens no addresses", "messages[0].content[0]"});
  WriteText(messages, R"([{"role": "user", "content": [{"type": "image_url", "image_url": {"url":
      "data:image/png;base64,iVBORw0KGgo="}}]}])");
  ExpectHas(RunCarat(command).err, {"data:image/png", "broken picture"});
  const auto url = [](const std::string& name) {
    const std::string bytes = MustRead(Media(name));
    return EncodeBase64({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  };
  WriteText(messages,
            R"([{"role": "user", "content": [{"type": "image_url", "image_url": {"url":
      "data:image/png;base64,)" +
                url("plain.png") +
                R"("}, "budget": 70}, {"type": "input_audio", "input_audio": {"data": ")" +
                url("stereo.mp3") + R"("}}]}])");
  const Ran ran = RunCarat(command);
  EXPECT_EQ(ran.code, 0) << ran.err;
}

TEST(CliMedia, DescribeGoesOnAfterABadFile) {
  const Ran ran = RunCarat("describe --model " + Fixture() + " --max-tokens 2 --frames 2 " +
                           Media("plain.png") + " /nowhere " + Media("film.mp4"));
  EXPECT_EQ(ran.code, 2);
  std::vector<Json> lines;
  for (size_t at = 0; at < ran.out.size();) {
    const size_t end = ran.out.find('\n', at);
    lines.push_back(MustParse(ran.out.substr(at, end - at)));
    at = end + 1;
  }
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_NE(lines[0].Find("text"), nullptr);
  EXPECT_NE(lines[1].Find("error"), nullptr);
  EXPECT_NE(lines[2].Find("text"), nullptr);
}

TEST(CliMedia, TranscribeWritesEveryFormat) {
  const std::string command = "transcribe --model " + Fixture() + " " + Media("stereo.wav");
  const Ran srt = RunCarat(command + " --format srt");
  EXPECT_EQ(srt.code, 0) << srt.err;
  EXPECT_TRUE(srt.out.starts_with("1\n00:00:00,000 --> 00:00:00,300\n")) << srt.out;
  EXPECT_TRUE(RunCarat(command + " --format vtt").out.starts_with("WEBVTT\n\n00:00:00.000 --> "));
  const Json json = MustParse(RunCarat(command + " --format json").out);
  ASSERT_EQ(json.Find("segments")->array().size(), 1u);
  EXPECT_EQ(json.Find("segments")->array()[0].Find("end")->number(), 0.3);
  EXPECT_EQ(RunCarat("transcribe --model " + Fixture() + " " + Media("surround.wav")).out, "");
  ExpectHas(RunCarat(command + " --translate German").err, {"--translate", "--language"});
  ExpectHas(RunCarat("transcribe --model " + Fixture() + " " + Media("plain.png")).err,
            {"plain.png", "another kind"});
}

TEST(CliMedia, AFilmsRateAndItsSound) {
  const Ran ran = RunCarat(RunOf("--video " + Media("film.mp4") + " --fps 2 --video-sound hi"));
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err.substr(0, ran.err.find("carat: the answer")),
            "film.mp4: 4 frames, 252 tokens\nfilm.mp4: 2.0 seconds of sound, 52 tokens\n");
}

TEST(CliMedia, DamageIsSaidAndTheRestIsUsed) {
  const TempFolder folder;
  const std::string film = (folder / "half.mp4").string(), sound = (folder / "half.wav").string();
  for (const auto& [whole, half] : {std::pair{"fast.mp4", film}, {"stereo.wav", sound}}) {
    const std::string bytes = MustRead(Media(whole));
    std::ofstream(half) << bytes.substr(0, bytes.size() / 2);
  }
  const Ran seen = RunCarat(RunOf("--video " + film + " --audio " + sound + " hi"));
  EXPECT_EQ(seen.code, 0);
  ExpectHas(seen.err,
            {"carat: warning: half.mp4: it is damaged, and parts of it may be missing\n",
             "carat: warning: half.wav: it is damaged, and parts of it may be missing\n"});
  const Ran heard = RunCarat("transcribe --model " + Fixture() + " " + sound);
  EXPECT_EQ(heard.code, 0);
  ExpectHas(heard.err, {"half.wav: it is damaged, and parts of it may be missing\n"});
}

TEST(CliMedia, PartsSayWhatTheyMayNotHave) {
  const TempFolder folder;
  const auto inspect = [&](const std::string& part) {
    std::ofstream(folder / "m.json") << R"([{"role": "user", "content": [)" << part << "]}]";
    return RunCarat("inspect tokens --json --model " + Fixture() + " --messages " +
                    (folder / "m.json").string());
  };
  const std::string film = Media("film.mp4"), sound = Media("stereo.wav");
  const struct {
    std::string part;
    std::vector<std::string_view> parts;
  } cases[] = {
      {R"({"type": "audio", "path": ")" + sound + R"(", "budget": 70})",
       {"messages[0].content[0].budget", "budget belongs to a part of type image", "audio"}},
      {R"({"type": "image", "path": "x.png", "fps": 1})", {"fps belongs", "type video"}},
      {R"({"type": "image", "path": "x.png", "budget": 71})", {"no such budget", "70, 140", "71"}},
      {R"({"type": "video", "path": ")" + film + R"(", "fps": 1, "frames": 2})",
       {"exclude each other"}},
      {R"({"type": "video", "path": ")" + film + R"(", "fps": -1})", {"out of range", "-1"}},
      {R"({"type": "image_url", "image_url": {"url": "https://a/b.png"}})", {"no addresses"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.part);
    const Ran ran = inspect(c.part);
    EXPECT_EQ(ran.code, 2);
    for (const std::string_view text : c.parts) ExpectHas(ran.err, {text});
  }
  EXPECT_EQ(inspect(R"({"type": "video", "path": ")" + film + R"(", "fps": 1})").code, 0);
}

TEST(CliMedia, TokensOfAPromptNeedNoMedia) {
  const TempFolder folder;
  std::ofstream(folder / "p.txt") << "<bos><|image|>hi";
  const std::string prompt =
      "inspect tokens --json --model " + Fixture() + " --prompt " + (folder / "p.txt").string();
  const Ran bare = RunCarat(prompt);
  EXPECT_EQ(bare.code, 0);
  ExpectHas(bare.out, {"\"<|image|>\""});
  const Ran whole = RunCarat(prompt + " --image " + Media("plain.png") + " --budget 70");
  EXPECT_EQ(whole.code, 0);
  EXPECT_GT(whole.out.size(), bare.out.size());
}

}  // namespace
}  // namespace carat
