#include "api/answer_writer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "tests/support/fake_exchange.h"

namespace carat {
namespace {

using Kind = AnswerEvent::Kind;

// One piece for each text, "end" for the end; the whole counts events.
class PlainWriter : public AnswerWriter {
 public:
  void Push(const AnswerEvent& event, const Answer&, std::vector<StreamPiece>& out) override {
    ++events_;
    failed_ = failed_ || event.end == AnswerEnd::kFailed;
    if (event.kind == Kind::kText) out.push_back({.event = "t", .data = event.text});
    if (event.kind == Kind::kEnd) out.push_back({.data = "end"});
  }
  net::Reply Whole(const Answer&) const override {
    return {.status = failed_ ? 500 : 200, .body = std::to_string(events_)};
  }

 private:
  int events_ = 0;
  bool failed_ = false;
};

void AddText(Answer& answer, std::string text) { answer.Add({.text = std::move(text)}); }

TEST(WriteAnswer, SendsTheWhole) {
  Answer answer(1, 2, {});
  AddText(answer, "a");
  answer.Add({.kind = Kind::kEnd});
  FakeExchange exchange;
  PlainWriter writer;
  WriteAnswer(exchange, answer, writer, {.fields = {{"x-carat-answer", "id"}}});
  EXPECT_TRUE(exchange.sent && !exchange.began);
  EXPECT_EQ(exchange.reply().body, "2");
  EXPECT_EQ(exchange.Field("x-carat-answer"), "id");
}

TEST(WriteAnswer, StreamsWhatComes) {
  Answer answer(1, 2, {});
  FakeExchange exchange;
  PlainWriter writer;
  std::thread model([&] {
    AddText(answer, "a");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    AddText(answer, "b\nc");
    answer.Add({.kind = Kind::kEnd});
  });
  WriteAnswer(exchange, answer, writer, {.stream = true});
  model.join();
  EXPECT_TRUE(exchange.began && exchange.ended && !exchange.sent);
  EXPECT_EQ(exchange.reply().content_type, "text/event-stream");
  EXPECT_EQ(exchange.reply().body,
            "event: t\ndata: a\n\nevent: t\ndata: b\ndata: c\n\ndata: end\n\n");
}

TEST(WriteAnswer, NumbersAndSkipsPieces) {
  Answer answer(1, 2, {});
  for (const char* const text : {"a", "b", "c"}) AddText(answer, text);
  answer.Add({.kind = Kind::kEnd});
  FakeExchange exchange;
  PlainWriter writer;
  WriteAnswer(exchange, answer, writer, {.stream = true, .numbered = true, .skip = 2});
  EXPECT_EQ(exchange.reply().body, "event: t\nid: 2\ndata: c\n\nid: 3\ndata: end\n\n");
  FakeExchange late;
  PlainWriter again;
  WriteAnswer(late, answer, again, {.stream = true, .skip = 99});
  EXPECT_TRUE(late.began && late.ended);
  EXPECT_EQ(late.reply().body, "");
}

TEST(WriteAnswer, GivesAnErrorsStatusWhereNothingWasSent) {
  Answer answer(1, 2, {});
  answer.Add({.kind = Kind::kChoiceEnd, .end = AnswerEnd::kFailed});
  answer.Add({.kind = Kind::kEnd});
  FakeExchange exchange;
  PlainWriter writer;
  WriteAnswer(exchange, answer, writer, {.stream = true});
  EXPECT_TRUE(exchange.sent && !exchange.began);
  EXPECT_EQ(exchange.reply().status, 500);
}

TEST(WriteAnswer, CancelsWhereTheClientGoesAway) {
  for (const bool stream : {false, true}) {
    Answer answer(1, 2, {});
    AddText(answer, "a");
    FakeExchange exchange;
    PlainWriter writer;
    std::thread model([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      exchange.Close();
      while (!answer.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      answer.Add({.kind = Kind::kEnd});
    });
    WriteAnswer(exchange, answer, writer, {.stream = stream});
    model.join();
    EXPECT_TRUE(answer.ended());
  }
}

TEST(WriteAnswer, LeavesADetachedAnswerAlone) {
  Answer answer(1, 2, {});
  FakeExchange exchange;
  PlainWriter writer;
  std::thread client([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    exchange.Close();
  });
  WriteAnswer(exchange, answer, writer, {.stream = true, .detached = true});
  client.join();
  EXPECT_FALSE(answer.cancelled() || answer.ended());
}

TEST(WriteAnswer, SendsTheHeadEarly) {
  Answer answer(1, 2, {});
  FakeExchange exchange;
  PlainWriter writer;
  std::thread model([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(1600));
    answer.Add({.kind = Kind::kChoiceEnd, .end = AnswerEnd::kFailed});
    answer.Add({.kind = Kind::kEnd});
  });
  WriteAnswer(exchange, answer, writer, {.stream = true});
  model.join();
  EXPECT_TRUE(exchange.began && exchange.ended && !exchange.sent);
  EXPECT_EQ(exchange.reply().body, "data: end\n\n");
}

}  // namespace
}  // namespace carat
