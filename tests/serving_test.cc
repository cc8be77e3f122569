// Service: many callers on one model. What an answer is does not depend on who else asks; who asks,
// waits, cancels or overflows disturbs nobody else.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/base64.h"
#include "chat/template.h"
#include "service/model_host.h"
#include "service/service.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/run_carat.h"

namespace carat {
namespace {

using namespace std::chrono_literals;
using Kind = AnswerEvent::Kind;

std::filesystem::path Decoder() {
  return std::filesystem::path(CARAT_BINARY).parent_path() / "carat-decode";
}

Engine& Open() {
  static std::vector<std::unique_ptr<Engine>> engines;
  engines.push_back(
      Engine::Open(
          {.model = std::filesystem::path(CARAT_SOURCE_DIR) / "models" / "point", .threads = 2})
          .value());
  return *engines.back();
}

// An engine serves one service at a time.
Engine& Point() {
  static Engine& engine = Open();
  return engine;
}
Engine& Other() {
  static Engine& engine = Open();
  return engine;
}

std::unique_ptr<Service> Start(ServiceOptions options = {}, Engine& engine = Point()) {
  if (options.session.context == 0) options.session.context = 1024;
  auto service = Service::Start(engine, options, MediaDecoder(Decoder()));
  EXPECT_TRUE(service.has_value()) << service.error().Message();
  return *std::move(service);
}

Json Message(std::string_view role, Json content) {
  Json message;
  message.Set("role", role);
  message.Set("content", std::move(content));
  return message;
}

Ask Question(const std::string& text, const std::string& owner = "a") {
  Ask ask{.owner = owner, .messages = Json(Json::Array{Message("user", text)})};
  ask.sampling.temperature = 0;
  ask.max_tokens = 60;
  return ask;
}

// All events of an answer; waits for its end.
std::vector<AnswerEvent> EventsOf(const Answer& answer) {
  std::vector<AnswerEvent> events;
  AnswerEvent event;
  for (;;) {
    const auto next = answer.Wait(events.size(), 60s, event);
    EXPECT_NE(next, Answer::Next::kTimeout);
    if (next != Answer::Next::kEvent) return events;
    events.push_back(event);
  }
}

struct Said {
  std::string text, thinking;
  AnswerEnd end = AnswerEnd::kNone;
  bool operator==(const Said&) const = default;
};

Said SaidBy(const Answer& answer, size_t choice = 0) {
  Said said;
  for (const AnswerEvent& event : EventsOf(answer)) {
    if (event.choice != choice) continue;
    if (event.kind == Kind::kText) said.text += event.text;
    if (event.kind == Kind::kThinking) said.thinking += event.text;
    if (event.kind == Kind::kChoiceEnd) said.end = event.end;
  }
  return said;
}

Said AnswerTo(Service& service, const Ask& ask) {
  const auto answer = service.Submit(ask);
  EXPECT_TRUE(answer.has_value()) << answer.error().Message();
  return answer ? SaidBy(**answer) : Said();
}

// Counts are published a moment after the events.
void WaitUntilIdle(const Service& service) {
  for (int i = 0; i < 1000 && service.status().running + service.status().waiting > 0; ++i)
    std::this_thread::sleep_for(10ms);
}

std::vector<Ask> Conversations() {
  std::vector<Ask> asks;
  for (const char* text :
       {"Hello!", "What is 12 plus 7?", "Sort these numbers: 9 4 7 1", "Count from 3 to 11.",
        "Tell me a short story.", "What is your name?", "Say it in capitals: good morning",
        "Who are you?", "What is 31 minus 8?", "Count from 1 to 20."}) {
    asks.push_back(Question(text, std::string(1, static_cast<char>('a' + asks.size() % 3))));
  }
  // The second turn of a conversation, and one that thinks.
  asks.push_back(asks[0]);
  asks.back().messages.array().push_back(Message("assistant", "Hello! How can I help?"));
  asks.back().messages.array().push_back(Message("user", "What is 5 plus 5?"));
  asks.push_back(asks[1]);
  asks.back().think = true;
  for (size_t i = 0; i < asks.size(); i += 4) asks[i].sampling = {.temperature = 1, .seed = i};
  return asks;
}

TEST(Service, AnAnswerDoesNotDependOnWhoElseAsks) {
  const std::vector<Ask> asks = Conversations();
  std::vector<Said> alone;
  for (const Ask& ask : asks) alone.push_back(AnswerTo(*Start({.together = 1}, Other()), ask));
  for (const size_t together : {1, 3, 16}) {
    const auto service = Start({.together = together});
    for (int round = 0; round < 3; ++round) {
      std::vector<std::shared_ptr<Answer>> answers;
      for (size_t i = 0; i < asks.size(); ++i) {
        ASSERT_VALUE(auto answer,
                     service->Submit(asks[(i * 5 + static_cast<size_t>(round)) % asks.size()]));
        answers.push_back(std::move(answer));
      }
      for (size_t i = 0; i < asks.size(); ++i) {
        const size_t which = (i * 5 + static_cast<size_t>(round)) % asks.size();
        EXPECT_EQ(SaidBy(*answers[i]), alone[which]) << which << " of " << together;
      }
    }
    WaitUntilIdle(*service);
    EXPECT_EQ(service->status().answers, 3 * asks.size());
    EXPECT_EQ(service->status().failed, 0U);
  }
}

// The same, over turns: what is cached of earlier answers changes nothing.
TEST(Service, ATurnDoesNotDependOnWhatIsCached) {
  const auto service = Start({.together = 2});
  Ask ask = Question("What is 12 plus 7?");
  for (int turn = 0; turn < 4; ++turn) {
    const Said here = AnswerTo(*service, ask);
    const Said fresh = AnswerTo(*Start({.together = 1}, Other()), ask);
    EXPECT_EQ(here.text, fresh.text) << turn;
    EXPECT_EQ(here, fresh) << turn;
    ask.messages.array().push_back(Message("assistant", here.text));
    ask.messages.array().push_back(Message("user", "Count from 3 to 11."));
    // Now and then long enough for the answer to be read again, now and then not.
    if (turn % 2 == 0) std::this_thread::sleep_for(300ms);
  }
}

TEST(Service, ReportsPrefixesWithinAnOwnerAlone) {
  for (const bool share : {false, true}) {
    const auto service = Start({.together = 4, .share_prefixes = share});
    const std::string system =
        "You are a helpful assistant who answers in a friendly way and never tells a lie.";
    const auto ask = [&](const std::string& owner, const std::string& text) {
      Ask with = Question(text, owner);
      with.messages = Json(Json::Array{Message("system", system), Message("user", text)});
      return with;
    };
    const auto cached = [&](const Ask& with) {
      const auto answer = service->Submit(with).value();
      EventsOf(*answer);
      return answer->usage().cached;
    };
    EXPECT_EQ(cached(ask("a", "Hello!")), 0U);
    EXPECT_GT(cached(ask("a", "What is 2 plus 3?")), 15U);
    EXPECT_EQ(cached(ask("b", "What is 2 plus 3?")) > 0, share);
    // The same prompt again: all but its last token.
    const Ask again = ask("a", "Who are you?");
    cached(again);
    const auto answer = service->Submit(again).value();
    EventsOf(*answer);
    EXPECT_GE(answer->usage().cached + 8, answer->usage().prompt);
  }
}

TEST(Service, ChoicesShareThePromptAndDifferInSeed) {
  for (const size_t together : {1, 2, 8}) {
    const auto service = Start({.together = together});
    Ask ask = Question("Tell me a short story.");
    ask.sampling = {.temperature = 1, .seed = 40};
    ask.choices = 5;
    const auto answer = service->Submit(ask).value();
    EventsOf(*answer);
    for (size_t i = 0; i < ask.choices; ++i) {
      Ask one = ask;
      one.choices = 1;
      one.sampling.seed = 40 + i;
      EXPECT_EQ(SaidBy(*answer, i), AnswerTo(*Start({.together = 1}, Other()), one)) << i;
    }
    WaitUntilIdle(*service);
    EXPECT_EQ(service->status().prompt_tokens, 5 * answer->usage().prompt);
  }
}

TEST(Service, CancelsWhatRunsAndWhatWaits) {
  const auto service = Start({.together = 1});
  Ask endless = Question("Count from 1 to 20.");
  endless.max_tokens = 900;
  endless.ignore_stop = true;
  const auto runs = service->Submit(endless).value();
  const auto waits = service->Submit(endless).value();
  AnswerEvent event;
  ASSERT_EQ(runs->Wait(3, 60s, event), Answer::Next::kEvent);
  waits->Cancel();
  runs->Cancel();
  EXPECT_EQ(SaidBy(*waits).end, AnswerEnd::kCancelled);
  EXPECT_EQ(SaidBy(*waits).text, "");
  EXPECT_EQ(SaidBy(*runs).end, AnswerEnd::kCancelled);
  EXPECT_LT(runs->usage().generated, 900U);
  EXPECT_EQ(AnswerTo(*service, Question("Hello!")).end, AnswerEnd::kStop);
  WaitUntilIdle(*service);
  EXPECT_EQ(service->status().cancelled, 2U);
}

TEST(Service, StopCancelsEverything) {
  auto service = Start({.together = 2});
  Ask endless = Question("Count from 1 to 20.");
  endless.max_tokens = 900;
  endless.ignore_stop = true;
  std::vector<std::shared_ptr<Answer>> answers;
  for (int i = 0; i < 5; ++i) answers.push_back(service->Submit(endless).value());
  service->Stop();
  const auto refused = service->Submit(endless);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kBusy);
  service.reset();
  for (const auto& answer : answers) EXPECT_EQ(SaidBy(*answer).end, AnswerEnd::kCancelled);
}

TEST(Service, BoundsWhatWaits) {
  const auto service = Start({.together = 1, .queue = 6, .queue_per_owner = 4});
  Ask endless = Question("Count from 1 to 20.");
  endless.max_tokens = 900;
  endless.ignore_stop = true;
  std::vector<std::shared_ptr<Answer>> answers = {service->Submit(endless).value()};
  AnswerEvent event;
  ASSERT_EQ(answers[0]->Wait(0, 60s, event), Answer::Next::kEvent);  // it runs
  for (int i = 0; i < 4; ++i) answers.push_back(service->Submit(endless).value());
  EXPECT_EQ(service->Submit(endless).error().code, ErrorCode::kBusy);
  endless.owner = "b";
  endless.choices = 3;
  EXPECT_EQ(service->Submit(endless).error().code, ErrorCode::kBusy);
  endless.choices = 2;
  answers.push_back(service->Submit(endless).value());
  EXPECT_EQ(service->status().refused, 2U);
  for (const auto& answer : answers) answer->Cancel();
}

// An owner with much to ask does not keep another waiting until all of it is done.
TEST(Service, OwnersTakeTurns) {
  const auto service = Start({.together = 1});
  std::vector<std::shared_ptr<Answer>> many;
  for (int i = 0; i < 12; ++i)
    many.push_back(service->Submit(Question("Count from 1 to 20.", "greedy")).value());
  const auto one = service->Submit(Question("Count from 1 to 20.", "modest")).value();
  EventsOf(*one);
  size_t ended = 0;
  for (const auto& answer : many) ended += answer->ended() ? 1 : 0;
  EXPECT_LT(ended, 5U);
  // Background work waits for all others.
  Ask background = Question("Count from 1 to 20.", "modest");
  background.background = true;
  EventsOf(*service->Submit(background).value());
  for (const auto& answer : many) EXPECT_TRUE(answer->ended());
}

TEST(Service, EndsAtStopStringsAndSaysWhich) {
  const auto service = Start();
  Ask ask = Question("Count from 3 to 11.");
  const Said whole = AnswerTo(*service, ask);
  ASSERT_NE(whole.text.find("6"), std::string::npos) << whole.text;
  ask.stop = {"7", "6"};
  const auto answer = service->Submit(ask).value();
  const auto events = EventsOf(*answer);
  EXPECT_EQ(SaidBy(*answer).text, whole.text.substr(0, whole.text.find("6")));
  EXPECT_EQ(SaidBy(*answer).end, AnswerEnd::kStopString);
  EXPECT_EQ(events[events.size() - 2].text, "6");
  EXPECT_EQ(events.back().kind, Kind::kEnd);
}

TEST(Service, BoundsThoughts) {
  const auto service = Start();
  Ask ask = Question("What is 12 plus 7?");
  ask.think = true;
  const Said free = AnswerTo(*service, ask);
  ASSERT_GT(free.thinking.size(), 10U) << free.text;
  ask.thinking_budget = 3;
  const auto answer = service->Submit(ask).value();
  const Said bounded = SaidBy(*answer);
  EXPECT_TRUE(free.thinking.starts_with(bounded.thinking)) << bounded.thinking;
  EXPECT_LT(bounded.thinking.size(), free.thinking.size());
  EXPECT_EQ(answer->usage().thinking, 3U);
  EXPECT_EQ(bounded.end, AnswerEnd::kStop);
}

Json WeatherTools() {
  return MustParse(R"([{"type": "function", "function": {"name": "weather", "description":
      "Weather in a city", "parameters": {"type": "object", "properties": {"city": {"type":
      "string"}}, "required": ["city"]}}}])");
}

// What the model would rather do is not begun where it was not asked for.
TEST(Service, NeitherThinksNorCallsUnasked) {
  const auto service = Start();
  const SpecialIds& special = Point().tokenizer()->special();
  for (const TokenId begins : {special.channel, special.tool_call}) {
    Ask ask = Question("What is 12 plus 7?");
    ask.sampling.logit_bias = {{begins, 100.0F}};
    ask.max_tokens = 20;
    const auto answer = service->Submit(ask).value();
    for (const AnswerEvent& event : EventsOf(*answer)) {
      EXPECT_NE(event.kind, Kind::kThinking);
      EXPECT_NE(event.kind, Kind::kToolCall);
      EXPECT_NE(event.kind, Kind::kMalformedCall);
      EXPECT_NE(event.kind, Kind::kCutCall);
    }
    // Under a grammar too, which would let a thought come first.
    ask.format = AnswerFormat::kJson;
    const Said said = SaidBy(*service->Submit(ask).value());
    EXPECT_EQ(said.thinking, "");
    EXPECT_TRUE(said.text.starts_with("{")) << said.text;
  }
}

// A schema for the answer and tools beside it: one or the other, as the model chooses.
TEST(Service, AnswersInJsonOrCallsTools) {
  const auto service = Start();
  const TokenId call = Point().tokenizer()->special().tool_call;
  for (const bool calls : {false, true}) {
    Ask ask = Question("What is the weather in Bern?");
    ask.tools = WeatherTools();
    ask.format = AnswerFormat::kJsonSchema;
    ask.schema = MustParse(R"({"type": "object", "properties": {"answer": {"type": "string",
        "maxLength": 20}}, "required": ["answer"], "additionalProperties": false})");
    ask.schema_where = "schema";
    ask.parallel_tools = false;
    ask.max_tokens = 200;
    ask.sampling.logit_bias = {{call, calls ? 100.0F : -100.0F}};
    const auto answer = service->Submit(ask).value();
    size_t called = 0;
    for (const AnswerEvent& event : EventsOf(*answer)) called += event.kind == Kind::kToolCall;
    const Said said = SaidBy(*answer);
    EXPECT_EQ(called, calls ? 1U : 0U);
    EXPECT_EQ(said.end, calls ? AnswerEnd::kToolCalls : AnswerEnd::kStop);
    EXPECT_EQ(said.text.empty(), calls) << said.text;
    if (!calls) {
      EXPECT_NE(MustParse(said.text).Find("answer"), nullptr) << said.text;
    }
  }
}

// Half a call is no text of the answer.
TEST(Service, LeavesOutACallThatIsCut) {
  const auto service = Start();
  Ask ask = Question("What is the weather in Bern?");
  ask.tools = WeatherTools();
  ask.tool_choice = ToolChoice::kRequired;
  ask.max_tokens = 3;
  const auto answer = service->Submit(ask).value();
  size_t cut = 0;
  for (const AnswerEvent& event : EventsOf(*answer)) {
    cut += event.kind == Kind::kCutCall;
    EXPECT_NE(event.kind, Kind::kMalformedCall);
  }
  EXPECT_EQ(cut, 1U);
  EXPECT_EQ(SaidBy(*answer).text, "");
  EXPECT_EQ(SaidBy(*answer).end, AnswerEnd::kMaxTokens);
}

// A client that leaves while its media wait or are decoded costs nobody anything more.
TEST(Service, StopsPreparingForNobody) {
  const auto service = Start();
  Json part;
  part.Set("type", "audio");
  const std::string sound = MustRead(std::filesystem::path(CARAT_SOURCE_DIR) / "tests" /
                                     "fixtures" / "point" / "door.wav");
  part.Set("path",
           "data:audio/wav;base64," +
               EncodeBase64({reinterpret_cast<const uint8_t*>(sound.data()), sound.size()}));
  Ask ask = Question("");
  ask.messages = Json(Json::Array{Message("user", Json(Json::Array{part}))});
  const auto left = service->Submit(ask, [](double) { return false; });
  ASSERT_FALSE(left.has_value());
  EXPECT_EQ(left.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(service->status().waiting, 0U);
  EXPECT_TRUE(service->Submit(ask, [](double) { return true; }).has_value());
}

// Background work leaves a cache for who waits.
TEST(Service, OneOwnerLeavesACacheToOthers) {
  for (const bool several : {true, false}) {
    const auto service = Start({.together = 2, .several_owners = several});
    Ask endless = Question("Count from 1 to 20.", "greedy");
    endless.ignore_stop = true;
    endless.max_tokens = 800;
    std::vector<std::shared_ptr<Answer>> long_ones;
    for (int i = 0; i < 3; ++i) long_ones.push_back(service->Submit(endless).value());
    AnswerEvent event;
    ASSERT_EQ(long_ones[0]->Wait(0, 60s, event), Answer::Next::kEvent);
    if (several) {
      EXPECT_EQ(AnswerTo(*service, Question("Who are you?", "modest")).end, AnswerEnd::kStop);
      for (const auto& answer : long_ones) EXPECT_FALSE(answer->ended());
    } else {
      EXPECT_EQ(long_ones[1]->Wait(0, 60s, event), Answer::Next::kEvent);  // it has both
    }
    for (const auto& answer : long_ones) answer->Cancel();
  }
}

TEST(Service, BackgroundWorkLeavesACache) {
  const auto service = Start({.together = 2});
  Ask background = Question("Count from 1 to 20.");
  background.background = true;
  background.ignore_stop = true;
  background.max_tokens = 800;
  std::vector<std::shared_ptr<Answer>> long_ones;
  for (int i = 0; i < 3; ++i) long_ones.push_back(service->Submit(background).value());
  AnswerEvent event;
  ASSERT_EQ(long_ones[0]->Wait(0, 60s, event), Answer::Next::kEvent);
  EXPECT_EQ(AnswerTo(*service, Question("Who are you?", "b")).end, AnswerEnd::kStop);
  for (const auto& answer : long_ones) EXPECT_FALSE(answer->ended());
  for (const auto& answer : long_ones) answer->Cancel();
}

TEST(Service, GivesLogprobs) {
  const auto service = Start();
  Ask ask = Question("Count from 3 to 11.");
  ask.logprobs = 4;
  const auto answer = service->Submit(ask).value();
  std::string text, spelled;
  for (const AnswerEvent& event : EventsOf(*answer)) {
    text += event.kind == Kind::kText ? event.text : "";
    for (const TokenLogprob& token : event.logprobs) {
      spelled += Point().tokenizer()->TokenBytes(token.id);
      ASSERT_EQ(token.top.size(), 4U);
      EXPECT_EQ(token.top[0].first, token.id);  // greedy
      EXPECT_EQ(token.top[0].second, token.logprob);
      double sum = 0;
      for (size_t i = 0; i < 4; ++i) {
        sum += std::exp(double{token.top[i].second});
        EXPECT_LE(token.top[i].second, token.top[i > 0 ? i - 1 : 0].second);
      }
      EXPECT_LE(sum, 1.0001);
    }
  }
  EXPECT_EQ(spelled, text);
}

TEST(Service, SeesAndHears) {
  const auto service = Start();
  Json part;
  part.Set("type", "image");
  part.Set("path", (std::filesystem::path(CARAT_SOURCE_DIR) / "README.md").string());
  Ask ask = Question("");
  ask.messages = Json(Json::Array{Message("user", Json(Json::Array{part}))});
  const auto refused = service->Submit(ask);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(refused.error().where, "messages[0].content[0]");
  EXPECT_EQ(refused.error().Message().find("README"), std::string::npos);
  // So many that decoding them would take minutes and gigabytes.
  part.Set("path", "data:image/png;base64,AAAA");
  ask.messages = Json(Json::Array{Message("user", Json(Json::Array(2000, part)))});
  const auto many = service->Submit(ask);
  ASSERT_FALSE(many.has_value());
  EXPECT_EQ(many.error().where, "messages[0].content[64]");
}

// A model whose embedders are not there says so; the conversation goes on afterwards.
TEST(Service, RefusesMediaThatTheModelDoesNotTake) {
  const TempFolder folder;
  const std::string file = (folder / "point.gguf").string();
  const Ran ran = RunCarat("quantize --quiet " + PointFolder().string() + " " + file + " BF16");
  ASSERT_EQ(ran.code, 0) << ran.err;
  ASSERT_VALUE(const auto engine, Engine::Open({.model = file, .threads = 2}));
  const auto service = Start({.together = 1}, *engine);
  Ask ask = Question("Who are you?");
  const Said said = AnswerTo(*service, ask);
  Json part;
  part.Set("type", "image");
  part.Set("path", "data:image/png;base64,AAAA");
  Ask seen = ask;
  seen.choices = 3;
  seen.messages.array().push_back(Message("assistant", said.text));
  seen.messages.array().push_back(Message("user", Json(Json::Array{part})));
  const auto refused = service->Submit(seen);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(refused.error().where, "messages[2].content[0]");
  std::this_thread::sleep_for(200ms);  // what is kept is read again meanwhile
  EXPECT_EQ(AnswerTo(*service, ask), said);
}

TEST(Service, RefusesWhatDoesNotFit) {
  const auto service = Start({.session = {.context = 128}});
  std::string text;
  for (int i = 0; i < 300; ++i) text += "good morning ";
  const auto refused = service->Submit(Question(text));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kContextFull);
  EXPECT_EQ(refused.error().wanted, "at most 127 tokens");
  ASSERT_VALUE(const PromptCount count, service->Count(Question(text)));
  EXPECT_EQ(refused.error().found, std::to_string(count.tokens));
  EXPECT_EQ(refused.error().where, "messages");
  EXPECT_TRUE(refused.error().what.starts_with("prompt is too long: ")) << refused.error().what;
  Ask ask = Question("Count from 1 to 20.");
  ask.max_tokens = {};
  ask.ignore_stop = true;
  EXPECT_EQ(AnswerTo(*service, ask).end, AnswerEnd::kContextFull);
  for (const auto& [wrong, where] :
       {std::pair<std::function<void(Ask&)>, std::string>{[](Ask& a) { a.choices = 9; }, "n"},
        {[](Ask& a) { a.choices = 0; }, "n"},
        {[](Ask& a) { a.logprobs = 21; }, "top_logprobs"},
        {[](Ask& a) { a.max_tokens = 0; }, "max_tokens"},
        {[](Ask& a) { a.sampling.top_p = 2; }, "top_p"}}) {
    Ask bad = Question("Hello!");
    wrong(bad);
    const auto answer = service->Submit(bad);
    ASSERT_FALSE(answer.has_value()) << where;
    EXPECT_EQ(answer.error().where, where);
  }
}

// A picture that can't be read is told at its place, without a library's words.
TEST(Service, TellsOfABrokenPicture) {
  const auto service = Start();
  std::string bytes = MustRead(std::filesystem::path(CARAT_SOURCE_DIR) / "tests" / "fixtures" /
                               "point" / "shapes.png");
  bytes[bytes.size() / 2] ^= 0x55;
  Json part;
  part.Set("type", "image");
  part.Set("path",
           "data:image/png;base64," +
               EncodeBase64({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}));
  part.Set("place", "input[7].image_url");
  Ask ask = Question("");
  ask.messages = Json(Json::Array{Message("user", Json(Json::Array{part}))});
  const auto refused = service->Submit(ask);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().Message(), "input[7].image_url: a broken picture");
}

TEST(ServiceStart, RefusesOptionsOutOfRange) {
  for (const ServiceOptions& options : std::initializer_list<ServiceOptions>{
           {.together = 17}, {.queue = 0}, {.queue_per_owner = 0}, {.session = {.context = -1}}}) {
    EXPECT_FALSE(Service::Start(Point(), options, MediaDecoder(Decoder())).has_value());
  }
}

class Host : public testing::Test {
 protected:
  // Opens services on one engine, and notes what was still there of the one before.
  Result<std::shared_ptr<LoadedService>> Open(const std::string& name) {
    ++opened_;
    overlapped_ = overlapped_ || !last_.expired();
    if (name == "broken") {
      std::this_thread::sleep_for(200ms);
      return Fail({.code = ErrorCode::kNotFound, .what = "no such model"});
    }
    auto loaded = std::make_shared<LoadedService>();
    loaded->name = name;
    loaded->service = Start({.together = 1});
    last_ = loaded;
    return loaded;
  }

  std::atomic<int> opened_ = 0;
  bool overlapped_ = false;
  std::weak_ptr<LoadedService> last_;
  ModelHost host_{[this](const std::string& name) { return Open(name); }, "first", std::nullopt};
};

// Two do not fit.
TEST_F(Host, DropsAModelBeforeTheNext) {
  EXPECT_EQ(host_.Get().value()->name, "first");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(host_.Load("second").has_value());
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);  // nobody waited for a release
  EXPECT_FALSE(overlapped_);
  EXPECT_EQ(host_.Name(), "second");
  EXPECT_TRUE(host_.Unload());
  EXPECT_EQ(host_.Loaded(), nullptr);
  EXPECT_EQ(host_.Get().value()->name, "second");
}

// Who waits for an opening that fails does not try again.
TEST_F(Host, SharesAFailure) {
  EXPECT_FALSE(host_.Load("broken").has_value());
  ModelHost broken([this](const std::string& name) { return Open(name); }, "broken", std::nullopt);
  opened_ = 0;
  std::vector<std::thread> waiting;
  for (int i = 0; i < 8; ++i) waiting.emplace_back([&] { EXPECT_FALSE(broken.Get().has_value()); });
  for (std::thread& thread : waiting) thread.join();
  EXPECT_LE(opened_, 2);
  EXPECT_FALSE(broken.Get().has_value());  // a later one does
}

}  // namespace
}  // namespace carat
