// carat-point's greedy answers to pictures, sound and films against transformers in float32
// (tests/golden/PROVENANCE.md): files through the locked-in decoder, prompts as the reference
// processor makes them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "chat/media_reader.h"
#include "engine/engine.h"
#include "engine/generate.h"
#include "engine/session.h"
#include "tests/support/files.h"
#include "tests/support/kernel_tables.h"
#include "tests/support/run_carat.h"

namespace carat {
namespace {

// Few cases lie in the repository; CARAT_TEST_POINT_MEDIA names a folder with more.
std::filesystem::path Folder() {
  const char* more = std::getenv("CARAT_TEST_POINT_MEDIA");
  return more != nullptr ? std::filesystem::path(more) : Golden("point_media");
}

struct Case {
  std::string skill;
  std::string prompt;
  std::vector<MediaRequest> media;
  std::vector<TokenId> answer;
};

MediaRequest RequestOf(const Json& part) {
  const std::string& type = part.Find("type")->string();
  MediaRequest request{.kind = type == "image"   ? PartKind::kImage
                               : type == "audio" ? PartKind::kAudio
                                                 : PartKind::kVideo,
                       .path = Folder() / part.Find("path")->string()};
  if (const Json* budget = part.Find("budget"))
    request.budget = static_cast<size_t>(budget->integer());
  if (const Json* frames = part.Find("frames")) request.frames = frames->integer();
  return request;
}

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = [] {
    std::vector<Case> all;
    for (const auto& file : std::filesystem::directory_iterator(Folder())) {
      if (file.path().extension() != ".json") continue;
      const Json json = MustParse(MustRead(file.path()));
      for (const Json& one : json.array()) {
        Case c{file.path().stem(), one.Find("prompt")->string(), {}, ToIds(*one.Find("answer"))};
        for (const Json& part : one.Find("media")->array()) c.media.push_back(RequestOf(part));
        all.push_back(std::move(c));
      }
    }
    return all;
  }();
  return cases;
}

Result<std::vector<TokenId>> AnswerOf(Session& session, MediaReader& reader, const Case& asked) {
  const Engine& engine = session.engine();
  RenderedPrompt rendered;
  rendered.text = asked.prompt;
  std::vector<std::string> warnings;
  CARAT_ASSIGN(const std::vector<MediaPart> parts, reader.Parts(asked.media, SIZE_MAX, warnings));
  if (!warnings.empty()) return Fail({.what = warnings.front()});
  CARAT_ASSIGN(const Prompt prompt, ToPrompt(*engine.tokenizer(), rendered, parts));
  CARAT_TRY(session.SyncTo(prompt));
  GenerateOptions options = OptionsFrom(engine.defaults());
  options.sampling.temperature = 0;
  options.repetition_guard = false;
  options.max_tokens = 96;  // as the maker's
  CARAT_ASSIGN(Generation generation, Generation::Create(session, options));
  std::vector<TokenId> answer;
  while (!generation.done()) {
    CARAT_ASSIGN(const GenerateStep step, generation.Step());
    if (step.id >= 0) answer.push_back(step.id);
  }
  return answer;
}

TEST(PointMedia, EveryKernelAnswersAsTransformers) {
  ASSERT_FALSE(Cases().empty());
  for (const kernels::Table* table : DistinctTables()) {
    SCOPED_TRACE(table->name);
    ASSERT_VALUE(const auto engine, Engine::Open({.model = PointFolder(), .kernels = table->name}));
    ASSERT_VALUE(auto session, Session::Create(*engine, {.cache = DType::kF32, .context = 2048}));
    MediaReader reader(MediaReading::kReference,
                       MediaDecoder(std::string(CARAT_BINARY) + "-decode"));
    std::map<std::string, int> skills;
    for (const Case& c : Cases()) {
      SCOPED_TRACE(c.skill + ": " + c.media.front().path);
      ASSERT_VALUE(const std::vector<TokenId> answer, AnswerOf(session, reader, c));
      EXPECT_EQ(answer, c.answer) << engine->tokenizer()->Decode(answer);
      ++skills[c.skill];
    }
    EXPECT_GE(skills.size(), 15u);
  }
}

// The same through the program, with everything in f32 and the scalar kernels.
TEST(PointMedia, TheProgramAnswersAsTransformers) {
  const TempFolder folder;
  size_t asked = 0;
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.skill + ": " + c.media.front().path);
    WriteText(folder / "prompt", c.prompt);
    std::string options;
    for (const MediaRequest& medium : c.media) {
      options += fmt::format(" --{} {}", TypeOf(medium.kind), medium.path);
      if (medium.budget) options += fmt::format(" --budget {}", *medium.budget);
      if (medium.frames > 0) options += fmt::format(" --frames {}", medium.frames);
    }
    const Ran ran = RunCarat(fmt::format(
        "inspect generate --model {} --reference --greedy --max-tokens 96 --prompt {} --out {}{}",
        PointFolder().string(), (folder / "prompt").string(), (folder / "ids").string(), options));
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ToIds(MustParse(MustRead(folder / "ids"))), c.answer);
    ++asked;
  }
  EXPECT_GE(asked, 15u);
}

}  // namespace
}  // namespace carat
