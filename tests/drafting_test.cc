// Drafting changes nothing but time: the same text, bit for bit the same logits, and the same
// timeline, at every depth, with every kind of model, cache and prompt.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "engine/engine.h"
#include "engine/generate.h"
#include "engine/session.h"
#include "model/mtp.h"
#include "tests/support/answers.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/kernel_tables.h"
#include "tests/support/noise.h"
#include "tests/support/same_bits.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

Ids Text(std::mt19937_64& random, size_t n, int64_t vocab) {
  Ids ids(n);
  for (TokenId& id : ids)
    id = static_cast<TokenId>(3 + random() % static_cast<uint64_t>(vocab - 20));
  return ids;
}

// The same conversation, with and without drafts: answers, edits that go back, and answers again.
TEST(Drafting, ChangesNoTextOnRandomModels) {
  for (const std::string name : {"tiny6", "tiny12"}) {
    for (const kernels::Table* table : DistinctTables()) {
      if (kSanitized && table != DistinctTables().front()) continue;
      ASSERT_VALUE(
          const auto engine,
          Engine::Open({.model = Golden("models/" + name), .threads = 2, .kernels = table->name}));
      ASSERT_NE(engine->drafter(), nullptr);
      // Each depth with one type of cache, each type with several depths, the other model with
      // others.
      constexpr DType kCaches[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0};
      size_t turn_of_cache = name == "tiny6" ? 0 : 2;
      for (const int depth : AllDepths()) {
        const DType cache = kCaches[turn_of_cache++ % std::size(kCaches)];
        SCOPED_TRACE(name + " " + table->name + " " + std::string(Info(cache).name) + " depth " +
                     std::to_string(depth));
        const auto session = [&](int drafts) {
          return Session::Create(*engine, {.cache = cache, .context = 400, .drafts = drafts})
              .value();
        };
        std::mt19937_64 random(4);
        Session plain = session(SessionOptions::kNoDrafts), drafted = session(depth);
        ASSERT_EQ(plain.speculator(), nullptr);
        Ids ids;
        for (int turn = 0; turn < 4; ++turn) {
          // An edit: a beginning of what there was, and more.
          ids.resize(turn == 2 ? ids.size() * 2 / 3 : ids.size());
          const Ids more = Text(random, 1 + random() % 30, engine->config().vocab_size);
          ids.insert(ids.end(), more.begin(), more.end());
          ASSERT_OK(plain.SyncTo({.ids = ids}));
          ASSERT_OK(drafted.SyncTo({.ids = ids}));
          GenerateOptions options = Greedy(*engine, 20);
          options.sampling.temperature = turn % 2 == 0 ? 0 : 1;
          options.sampling.repetition_penalty = turn == 3 ? 1.2 : 1;
          options.sampling.seed = static_cast<uint64_t>(turn);
          const Ids wanted = Answer(plain, options);
          EXPECT_EQ(Answer(drafted, options), wanted);
          EXPECT_TRUE(std::ranges::equal(drafted.ids(), plain.ids()));
          ids.assign(plain.ids().begin(), plain.ids().end());
          ids.push_back(wanted.back());
        }
        ASSERT_OK(plain.Append(9));
        ASSERT_OK(drafted.Append(9));
        EXPECT_TRUE(SameBits(drafted.logits(), plain.logits()));
        if (depth > 0) {
          EXPECT_GT(drafted.speculator()->counts().checked, 0u);
        }
      }
    }
  }
}

TEST(Drafting, StopsWhereItWouldWithout) {
  ASSERT_VALUE(const auto engine, Engine::Open({.model = Golden("models/tiny6"), .threads = 2}));
  std::mt19937_64 random(1);
  const Ids prompt = Text(random, 25, 512);
  for (const int depth : AllDepths()) {
    SCOPED_TRACE(depth);
    for (size_t most = 0; most <= 12; ++most) {  // the limit at any place of a round
      for (const Pos context : {Pos{25}, Pos{26}, Pos{31}, Pos{60}}) {
        const auto run = [&](int drafts) {
          Session session =
              Session::Create(*engine, {.context = context, .drafts = drafts}).value();
          EXPECT_TRUE(session.SyncTo({.ids = prompt}).has_value());
          GenerateOptions options = Greedy(*engine, most);
          Generation generation = Generation::Create(session, options).value();
          std::vector<std::pair<TokenId, StopReason>> steps;
          while (!generation.done()) {
            const GenerateStep step = generation.Step().value();
            steps.emplace_back(step.id, step.reason);
          }
          return std::tuple(steps, Ids(session.ids().begin(), session.ids().end()));
        };
        EXPECT_EQ(run(depth), run(SessionOptions::kNoDrafts)) << most << " in " << context;
      }
    }
    // A stop token anywhere.
    Session plain = Session::Create(*engine, {.drafts = SessionOptions::kNoDrafts}).value();
    ASSERT_OK(plain.SyncTo({.ids = prompt}));
    for (const TokenId stop : Answer(plain, Greedy(*engine, 10))) {
      const auto run = [&](int drafts) {
        Session session = Session::Create(*engine, {.drafts = drafts}).value();
        EXPECT_TRUE(session.SyncTo({.ids = prompt}).has_value());
        GenerateOptions options = Greedy(*engine, 20);
        options.stop = {stop};
        const Ids answer = Answer(session, options);
        return std::pair(answer, Ids(session.ids().begin(), session.ids().end()));
      };
      EXPECT_EQ(run(depth), run(SessionOptions::kNoDrafts));
    }
  }
}

// A caller that stops calling at any place, and goes on with something else.
TEST(Drafting, CanBeLeftAtAnyPlace) {
  ASSERT_VALUE(const auto engine, Engine::Open({.model = Golden("models/tiny6"), .threads = 2}));
  std::mt19937_64 random(2);
  const Ids prompt = Text(random, 40, 512);
  Session session = Session::Create(*engine, {.drafts = 8}).value();
  for (size_t steps = 1; steps <= 14; ++steps) {
    ASSERT_OK(session.SyncTo({.ids = prompt}));
    Generation generation = Generation::Create(session, Greedy(*engine, 100)).value();
    Ids ids = prompt;
    for (size_t i = 0; i < steps && !generation.done(); ++i)
      ids.push_back(generation.Step().value().id);
    ids.pop_back();  // chosen, not run
    EXPECT_TRUE(std::ranges::equal(session.ids(), ids));
    Session fresh = Session::Create(*engine, {.drafts = SessionOptions::kNoDrafts}).value();
    ASSERT_OK(fresh.SyncTo({.ids = prompt}));
    for (size_t i = prompt.size(); i < ids.size(); ++i) ASSERT_OK(fresh.Append(ids[i]));
    ASSERT_OK(session.Append(17));
    ASSERT_OK(fresh.Append(17));
    EXPECT_TRUE(SameBits(session.logits(), fresh.logits())) << steps;
    // Sound that is appended follows the timeline, not the drafts.
    if (steps % 3 == 0) {
      const auto samples = NoiseSamples(3, 2000);
      ASSERT_OK(session.AppendSound(samples));
      ASSERT_OK(session.EndSound());
      ASSERT_OK(fresh.AppendSound(samples));
      ASSERT_OK(fresh.EndSound());
      ASSERT_OK(session.Append(5, {.most = 8}));
      ASSERT_OK(fresh.Append(5));
      EXPECT_TRUE(SameBits(session.logits(), fresh.logits())) << steps;
    }
  }
}

TEST(Drafting, WorksAfterPicturesSoundAndFilms) {
  ASSERT_VALUE(const auto engine, Engine::Open({.model = Golden("models/tiny6"), .threads = 2}));
  const Config& config = engine->config();
  std::mt19937_64 random(5);
  Prompt prompt{.ids = Text(random, 6, 512)};
  const auto show = [&](std::shared_ptr<const Medium> medium, TokenId placeholder) {
    prompt.media.push_back({static_cast<Pos>(prompt.ids.size()), medium});
    prompt.ids.insert(prompt.ids.end(), medium->num_tokens(), placeholder);
    const Ids more = Text(random, 3, 512);
    prompt.ids.insert(prompt.ids.end(), more.begin(), more.end());
  };
  for (int turn = 0; turn < 4; ++turn) {
    if (turn == 2) {
      show(std::make_shared<const Medium>(Medium::FromPixels(
               MediumKind::kFrame, {.height = 48, .width = 96, .rgb = NoiseBytes(9, 3 * 48 * 96)})),
           config.video);
    } else if (turn % 2 == 0) {
      show(std::make_shared<const Medium>(Medium::FromPixels(
               MediumKind::kPicture,
               {.height = 96, .width = 144, .rgb = NoiseBytes(7, 3 * 96 * 144)})),
           config.image);
    } else {
      show(std::make_shared<const Medium>(Medium::FromSamples(NoiseSamples(8, 5000))),
           config.audio);
    }
    Session plain = Session::Create(*engine, {.drafts = SessionOptions::kNoDrafts}).value();
    ASSERT_OK(plain.SyncTo(prompt));
    const Ids wanted = Answer(plain, Greedy(*engine, 25));
    for (const int depth : AllDepths()) {
      Session drafted = Session::Create(*engine, {.drafts = depth}).value();
      ASSERT_OK(drafted.SyncTo(prompt));
      EXPECT_EQ(Answer(drafted, Greedy(*engine, 25)), wanted) << depth;
      if (depth > 0) {
        EXPECT_GT(drafted.speculator()->counts().checked, 0u);
      }
    }
    prompt.ids.insert(prompt.ids.end(), wanted.begin(), wanted.end());
  }
}

// Two sessions in turns, on one drafter.
TEST(Drafting, SessionsDoNotDisturbEachOther) {
  ASSERT_VALUE(const auto engine, Engine::Open({.model = PointFolder()}));
  const auto prompt = [&](const char* text) {
    return engine->tokenizer()->EncodeControl(
        std::string("<bos><|turn>user\n") + text +
        "<turn|>\n<|turn>model\n<|channel>thought\n<channel|>");
  };
  const Ids prompts[] = {prompt("Sort these words by the alphabet: Delhi, Dublin, Paris."),
                         prompt("What is 17 + 28?")};
  Ids wanted[2];
  for (size_t i = 0; i < 2; ++i) {
    Session alone = Session::Create(*engine, {.drafts = SessionOptions::kNoDrafts}).value();
    ASSERT_OK(alone.SyncTo({.ids = prompts[i]}));
    wanted[i] = Answer(alone, Greedy(*engine, 40));
  }
  Session sessions[] = {Session::Create(*engine, {.context = 512, .drafts = 4}).value(),
                        Session::Create(*engine, {.context = 512, .drafts = 2}).value()};
  std::vector<Generation> generations;
  for (size_t i = 0; i < 2; ++i) {
    ASSERT_OK(sessions[i].SyncTo({.ids = prompts[i]}));
    generations.push_back(Generation::Create(sessions[i], Greedy(*engine, 40)).value());
  }
  Ids got[2];
  while (!generations[0].done() || !generations[1].done()) {
    for (size_t i = 0; i < 2; ++i) {
      if (generations[i].done()) continue;
      if (const GenerateStep step = generations[i].Step().value(); step.id >= 0)
        got[i].push_back(step.id);
    }
  }
  EXPECT_EQ(got[0], wanted[0]);
  EXPECT_EQ(got[1], wanted[1]);
}

// Of a drafter that is not there, or not this model's: why, and plain decoding goes on.
TEST(Drafting, SaysWhyNothingDrafts) {
  TempFolder folder;
  const auto copy = [&](const std::filesystem::path& from, const std::string& to) {
    std::filesystem::copy(from, folder.path() / to, std::filesystem::copy_options::recursive);
    return folder.path() / to;
  };
  const auto model = copy(Golden("models/tiny6"), "model");
  const auto own = copy(model / "assistant", "own");
  std::filesystem::remove_all(model / "assistant");
  const auto reason = [&](EngineOptions options) {
    options.model = model;
    const auto engine = Engine::Open(options);
    EXPECT_TRUE(engine.has_value());
    if (!engine) return std::string();
    Session session = Session::Create(**engine, {.drafts = 4}).value();
    EXPECT_EQ(session.speculator(), nullptr);
    EXPECT_TRUE(session.SyncTo({.ids = {2, 7}}).has_value());
    EXPECT_EQ(Answer(session, Greedy(**engine, 5)).size(), 5u);
    return (*engine)->no_drafts();
  };
  EXPECT_EQ(reason({}), "no drafter beside the model");
  EXPECT_EQ(reason({.drafts = false}), "switched off");
  // Named: an error. Found: a reason.
  ExpectError(Engine::Open({.model = model, .drafter = folder.path() / "none"}), {"none"});
  ExpectError(Engine::Open({.model = model, .drafter = model}), {"holds no drafter"});
  const auto other = Golden("models/tiny12/assistant");
  ExpectError(Engine::Open({.model = model, .drafter = other}),
              {"belongs to another model", "hidden width 48", "32"});
  copy(other, "model/assistant");
  EXPECT_NE(reason({}).find("belongs to another model"), std::string::npos);
  // Beside the folder, by its name.
  std::filesystem::remove_all(model / "assistant");
  std::filesystem::rename(own, folder.path() / "model-assistant");
  ASSERT_VALUE(const auto engine, Engine::Open({.model = model}));
  EXPECT_NE(engine->drafter(), nullptr) << engine->no_drafts();
  EXPECT_GT(engine->memory().drafter, 0u);
  ExpectError(Session::Create(*engine, {.drafts = 9}), {"drafts", "0 to 8", "9"});
  ExpectError(Session::Create(*engine, {.drafts = -2}), {"drafts", "-2"});
}

// The bytes of a tensor of a safetensors file, to be spoiled.
std::span<char> TensorBytes(std::string& file, const std::string& name) {
  uint64_t header = 0;
  std::memcpy(&header, file.data(), sizeof header);
  const Json json = MustParse(std::string_view(file).substr(8, header));
  const auto& offsets = json.Find(name)->Find("data_offsets")->array();
  const auto begin = static_cast<size_t>(offsets[0].integer()),
             end = static_cast<size_t>(offsets[1].integer());
  return std::span(file).subspan(8 + header + begin, end - begin);
}

TEST(Drafting, ABrokenDrafterIsLeftAlone) {
  for (const std::string tensor : {"pre_projection.weight", "model.embed_tokens.weight"}) {
    SCOPED_TRACE(tensor);
    TempFolder folder;
    const auto model = folder.path() / "model";
    std::filesystem::copy(Golden("models/tiny6f32"), model,
                          std::filesystem::copy_options::recursive);
    const auto weights = model / "assistant/model.safetensors";
    std::string file = MustRead(weights);
    std::ranges::fill(TensorBytes(file, tensor), '\xff');  // not a number
    ASSERT_OK(WriteFileAtomic(weights, AsBytes(file)));
    ASSERT_VALUE(const auto engine, Engine::Open({.model = model}));
    Session plain = Session::Create(*engine, {.drafts = SessionOptions::kNoDrafts}).value();
    Session session = Session::Create(*engine, {.drafts = 4}).value();
    ASSERT_OK(plain.SyncTo({.ids = {2, 9, 11}}));
    ASSERT_OK(session.SyncTo({.ids = {2, 9, 11}}));
    EXPECT_EQ(Answer(session, Greedy(*engine, 12)), Answer(plain, Greedy(*engine, 12)));
    if (const Speculator* speculator = session.speculator()) {
      EXPECT_EQ(speculator->counts().drafted, 0u);
      EXPECT_EQ(speculator->Describe({}), "off (the drafter's numbers are not finite)");
    } else {
      EXPECT_NE(engine->no_drafts().find("not finite"), std::string::npos) << engine->no_drafts();
    }
  }
}

// A token whose embedding overflows, and which is never chosen, spoils the passes it is drafted in.
TEST(Drafting, ADraftThatSpoilsThePassIsTakenBack) {
  TempFolder folder;
  const auto model = folder.path() / "model";
  std::filesystem::copy(Golden("models/tiny6f32"), model, std::filesystem::copy_options::recursive);
  const Ids prompt = {2, 9, 11, 40, 7};
  TokenId draft = -1;
  {
    ASSERT_VALUE(const auto engine, Engine::Open({.model = model}));
    Session session = Session::Create(*engine, {.drafts = 4}).value();
    ASSERT_OK(session.SyncTo({.ids = prompt}));
    const SamplingOptions greedy{.temperature = 0, .suppressed = engine->defaults().suppressed};
    ASSERT_VALUE(const TokenId first, Sample(session.logits(), greedy, session.size(), prompt));
    ASSERT_VALUE(const Ids drafts, session.InspectDrafts(first, 1, [](auto) { return Status(); }));
    draft = drafts[0];
    ASSERT_NE(draft, first);
  }
  std::string file = MustRead(model / "model.safetensors");
  const auto table = TensorBytes(file, "model.language_model.embed_tokens.weight");
  const size_t row = table.size() / 256;  // ids
  std::ranges::fill(table.subspan(static_cast<size_t>(draft) * row, row), '\0');
  const float huge = 3e38f;
  std::memcpy(table.data() + static_cast<size_t>(draft) * row, &huge, sizeof huge);
  ASSERT_OK(WriteFileAtomic(model / "model.safetensors", AsBytes(file)));
  ASSERT_VALUE(const auto engine, Engine::Open({.model = model}));
  GenerateOptions options = Greedy(*engine, 12);
  options.sampling.logit_bias = {{draft, -1000.0f}};
  Session plain = Session::Create(*engine, {.drafts = SessionOptions::kNoDrafts}).value();
  Session session = Session::Create(*engine, {.drafts = 4}).value();
  ASSERT_OK(plain.SyncTo({.ids = prompt}));
  ASSERT_OK(session.SyncTo({.ids = prompt}));
  EXPECT_EQ(Answer(session, options), Answer(plain, options));
  EXPECT_NE(session.speculator()->Describe({}).find("a draft made the model's numbers"),
            std::string::npos)
      << session.speculator()->Describe({});
}

DrafterConfig SmallDrafter(const Config& target) {
  DrafterConfig config;
  config.text = target;
  config.text.is_global = {false, true};
  config.target_hidden = target.hidden;
  return config;
}

TEST(Drafting, AnotherModelsDrafterIsRefusedWithItsReason) {
  ASSERT_VALUE(const auto engine, Engine::Open({.model = Golden("models/tiny6"), .load = false}));
  const Config& target = engine->config();
  EXPECT_TRUE(MtpDrafter::Fits(SmallDrafter(target), target).has_value());
  DrafterConfig other = SmallDrafter(target);
  other.target_hidden = 3840;
  ExpectError(MtpDrafter::Fits(other, target), {"another model", "hidden width 48", "3840"});
  other = SmallDrafter(target);
  other.text.vocab_size = 262144;
  ExpectError(MtpDrafter::Fits(other, target), {"a vocabulary of 512", "262144"});
  other = SmallDrafter(target);
  other.text.global.head_dim = 128;
  ExpectError(MtpDrafter::Fits(other, target), {"head size of 512", "128"});
  Config two_kv = target, sliding_only = target;
  two_kv.sliding.kv_heads = 2;
  other = SmallDrafter(target);
  other.text.num_heads = 3;
  ExpectError(MtpDrafter::Fits(other, two_kv), {"heads in a multiple of 2", "3"});
  sliding_only.is_global = {false, false};
  ExpectError(MtpDrafter::Fits(SmallDrafter(target), sliding_only), {"global layers", "none"});
}

TEST(Drafting, SaysWhatItDoes) {
  ASSERT_VALUE(const auto engine, Engine::Open({.model = PointFolder()}));
  const auto prompt = engine->tokenizer()->EncodeControl(
      "<bos><|turn>user\nWrite in capital letters: coin mirror lamp door train"
      "<turn|>\n<|turn>model\n<|channel>thought\n<channel|>");
  Session fixed = Session::Create(*engine, {.context = 512, .drafts = 3}).value();
  EXPECT_EQ(fixed.speculator()->Describe({}), "nothing to draft");
  ASSERT_OK(fixed.SyncTo({.ids = prompt}));
  Answer(fixed, Greedy(*engine, 40));
  const std::string state = fixed.speculator()->Describe({});
  EXPECT_TRUE(state.starts_with("depth 3 (fixed), ")) << state;
  EXPECT_NE(state.find(" tokens per pass, "), std::string::npos) << state;
  EXPECT_TRUE(state.ends_with(" × plain")) << state;
  const DraftCounts all = fixed.speculator()->counts();
  EXPECT_EQ(fixed.speculator()->Describe(all), "nothing to draft");
  // Counts agree with each other.
  EXPECT_EQ(all.tokens, all.passes + all.accepted);
  EXPECT_LE(all.accepted, all.checked);
  EXPECT_LE(all.checked, all.drafted);
}

}  // namespace
}  // namespace carat
