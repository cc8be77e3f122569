#include "apps/bench_draft.h"

#include <algorithm>
#include <optional>
#include <random>

#include "apps/bench_prompts.h"
#include "apps/bench_timeline.h"
#include "apps/input.h"
#include "apps/models.h"
#include "chat/output_parser.h"
#include "chat/prompt.h"
#include "engine/generate.h"
#include "engine/session.h"
#include "sys/clock.h"

namespace carat {
namespace {

constexpr Pos kPosition = 512;
constexpr size_t kMaxAnswer = 128;   // tokens
constexpr size_t kDrawnRounds = 12;  // of each depth
constexpr double kQuick = 50;        // tokens per second from which every depth is tried on texts

class DraftBench {
 public:
  DraftBench(const DraftBenchOptions& options, const std::function<bool(std::string_view)>& begin)
      : options_(options), begin_(begin) {}

  Result<DraftBenchReport> Run() {
    CARAT_TRY(Begin("load"));
    CARAT_ASSIGN(engine_, OpenModel(options_.model, options_.engine, false));
    if (engine_->drafter() == nullptr)
      return Fail({.what = "nothing drafts: " + engine_->no_drafts(), .where = "--draft"});
    CARAT_TRY(MeasureCosts());
    CARAT_TRY(Texts());
    report_.machine = MachineOf(*engine_);
    report_.settings = SettingsOf(*engine_, options_.cache, options_.rounds);
    return std::move(report_);
  }

 private:
  Status Begin(std::string_view name) const {
    if (!begin_ || begin_(name)) return {};
    return Fail({.code = ErrorCode::kCancelled, .what = "cancelled while measuring"});
  }

  // Passes and draft steps, in turns; then rounds of them.
  Status MeasureCosts() {
    CARAT_ASSIGN(Timeline timeline, Timeline::Create(*engine_, options_.cache, kPosition));
    std::array<std::vector<double>, kMaxDraftDepth + 2> passes;
    std::vector<double> steps;
    for (int round = -1; round < options_.rounds; ++round) {  // the first one wakes all up
      CARAT_TRY(Begin("passes and drafts"));
      for (size_t n = 1; n < passes.size(); ++n) {
        CARAT_ASSIGN(const double seconds, timeline.Generate(n));
        const double draft = timeline.Draft(2) / 2;
        if (round < 0) continue;
        passes[n].push_back(seconds);
        steps.push_back(draft);
      }
    }
    for (size_t n = 1; n < passes.size(); ++n) report_.costs.pass[n] = Median(passes[n]);
    report_.costs.draft = Median(steps);
    return options_.acceptance.empty() ? Status() : Drawn(timeline);
  }

  // All depths in turns, so that they can be compared.
  Status Drawn(Timeline& timeline) {
    std::mt19937_64 random(1);
    std::array<double, kMaxDraftDepth + 1> seconds = {}, tokens = {};
    const size_t deepest = std::min(options_.acceptance.size(), kMaxDraftDepth);
    for (size_t round = 0; round < kDrawnRounds; ++round) {
      CARAT_TRY(Begin("rounds"));
      const double draw = std::uniform_real_distribution<double>()(random);
      for (size_t depth = 0; depth <= deepest; ++depth) {
        const double start = Now();
        if (depth > 0) static_cast<void>(timeline.Draft(depth));
        CARAT_TRY(timeline.Generate(depth + 1));
        seconds[depth] += Now() - start;
        tokens[depth] += 1;
        for (size_t i = 0; i < depth; ++i) tokens[depth] += draw < options_.acceptance[i] ? 1 : 0;
      }
    }
    for (size_t depth = 0; depth <= deepest; ++depth)
      report_.drawn_tokens_per_second[depth] = tokens[depth] / seconds[depth];
    return {};
  }

  // Greedy answers, by all ways.
  Status Texts() {
    CARAT_ASSIGN(const Tokenizer* tokenizer, engine_->RequireTokenizer());
    Json conversations;
    if (options_.conversations.empty()) {
      CARAT_ASSIGN(conversations, ParseJson(kBenchConversations));
    } else {
      CARAT_ASSIGN(conversations, ReadJsonFile(options_.conversations));
    }
    const std::string where = options_.conversations.empty() ? "" : options_.conversations;
    if (!conversations.is_array())
      return Fail(JsonView(conversations, where).Wrong("an array of {messages, tools, thinking}"));
    const bool quick = 1 / report_.costs.pass[1] > kQuick;
    std::vector<int> ways = {SessionOptions::kNoDrafts, SessionOptions::kAutoDrafts};
    for (int depth = 1; quick && depth <= static_cast<int>(kMaxDraftDepth); ++depth)
      ways.push_back(depth);
    std::vector<Session> sessions;
    for (const int drafts : ways) {
      report_.texts.push_back({.drafts = drafts});
      CARAT_ASSIGN(Session session,
                   Session::Create(*engine_,
                                   {.cache = options_.cache,
                                    .context = std::min<Pos>(2048, engine_->config().max_positions),
                                    .window_pool_bytes = 0,
                                    .drafts = drafts}));
      sessions.push_back(std::move(session));
    }
    const double start = Now();
    for (size_t i = 0; i < conversations.array().size(); ++i) {
      if (i > 0 && Now() - start > options_.text_seconds) break;
      CARAT_TRY(Begin("answers"));
      const JsonView one = JsonView(conversations, where).At(i);
      if (!conversations.array()[i].is_object()) return Fail(one.Wrong("an object"));
      const Json* messages = conversations.array()[i].Find("messages");
      if (messages == nullptr) return Fail(one.Wrong("an object with messages"));
      CARAT_ASSIGN(const bool thinking, one.BoolOr("thinking", false));
      auto rendered = RenderPrompt(*messages, conversations.array()[i].Find("tools"),
                                   {.enable_thinking = thinking});
      if (!rendered) return Fail(Within(one.path(), rendered.error()));
      const Prompt prompt = ToPrompt(*tokenizer, *rendered);
      CARAT_TRY(Answer(sessions, prompt, rendered->opens_thought));
    }
    for (size_t w = 0; w < ways.size(); ++w) {
      if (const Speculator* speculator = sessions[w].speculator())
        report_.texts[w].counts = speculator->counts();
    }
    return {};
  }

  // Whichever way has the fewest tokens makes the next step, so that all of them meet the same
  // moods of the machine.
  Status Answer(std::vector<Session>& sessions, const Prompt& prompt, bool opens_thought) {
    struct Way {
      Generation answer;
      OutputParser parser;
      double seconds = 0;
    };
    std::vector<Way> ways;
    GenerateOptions options = OptionsFrom(engine_->defaults());
    options.sampling.temperature = 0;
    options.max_tokens = kMaxAnswer;
    for (Session& session : sessions) {
      CARAT_TRY(session.SyncTo(prompt));
      CARAT_ASSIGN(Generation answer, Generation::Create(session, options));
      ways.push_back({std::move(answer), OutputParser(*engine_->tokenizer(), opens_thought)});
    }
    std::vector<OutputEvent> events;
    while (true) {
      Way* next = nullptr;
      for (Way& way : ways) {
        if (way.answer.done()) continue;
        if (next == nullptr || way.answer.num_tokens() < next->answer.num_tokens()) next = &way;
      }
      if (next == nullptr) break;
      CARAT_TRY(Begin("answers"));
      const double start = Now();
      CARAT_ASSIGN(const GenerateStep step, next->answer.Step(next->parser.text_kind()));
      next->seconds += Now() - start;
      if (step.id >= 0 && static_cast<size_t>(step.id) < engine_->tokenizer()->size())
        next->parser.Push(step.id, events);
    }
    for (size_t w = 0; w < ways.size(); ++w) {
      report_.texts[w].seconds += ways[w].seconds;
      report_.texts[w].tokens += ways[w].answer.num_tokens();
    }
    return {};
  }

  const DraftBenchOptions& options_;
  const std::function<bool(std::string_view)>& begin_;
  std::unique_ptr<Engine> engine_;
  DraftBenchReport report_;
};

}  // namespace

double ExpectedTokens(double acceptance, size_t depth) {
  double tokens = 1, chance = 1;
  for (size_t i = 0; i < depth; ++i) tokens += chance *= acceptance;
  return tokens;
}

double PredictedSpeedUp(const DraftCosts& costs, double acceptance, size_t depth) {
  return ExpectedTokens(acceptance, depth) * costs.pass[1] /
         (costs.pass[depth + 1] + static_cast<double>(depth) * costs.draft);
}

Result<DraftBenchReport> RunDraftBench(const DraftBenchOptions& options,
                                       const std::function<bool(std::string_view)>& begin) {
  return DraftBench(options, begin).Run();
}

}  // namespace carat
