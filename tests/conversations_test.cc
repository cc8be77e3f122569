// Kept conversations over the API, with carat-point: questions, answers, branches, media, two
// pages.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "api/api.h"
#include "api/carat/recorder.h"
#include "api/page_door.h"
#include "history/history.h"
#include "tests/support/fake_exchange.h"
#include "tests/support/files.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

using namespace std::chrono_literals;

constexpr const char* kKey = "a-key-of-one-who-asks";
constexpr const char* kOther = "the-key-of-another-one";

Engine& Point() {
  static const auto engine =
      Engine::Open(
          {.model = std::filesystem::path(CARAT_SOURCE_DIR) / "models" / "point", .threads = 2})
          .value();
  return *engine;
}

class Conversations : public testing::Test {
 protected:
  Conversations() { Restart(); }

  // As if the server had been ended and started again.
  void Restart() {
    api_.reset();
    host_.reset();
    history_.reset();
    history_ = History::Open(folder_ / "history").value();
    host_ = std::make_unique<ModelHost>(
        [](const std::string&) -> Result<std::shared_ptr<LoadedService>> {
          auto loaded = std::make_shared<LoadedService>();
          loaded->name = "carat-point";
          const auto decoder = std::filesystem::path(CARAT_BINARY).parent_path() / "carat-decode";
          CARAT_ASSIGN(loaded->service,
                       Service::Start(Point(), {.session = {.context = 2048}, .together = 2},
                                      MediaDecoder(decoder)));
          return loaded;
        },
        "point", std::nullopt);
    ApiOptions options;
    options.history = history_.get();
    api_ = std::make_unique<Api>(
        *host_, std::move(options),
        Access({}, {{.key = kKey, .name = "me", .manages = true}, {.key = kOther, .name = "you"}}));
  }

  net::Reply Call(const std::string& method, const std::string& path, const std::string& body = "",
                  const std::string& key = kKey, const std::string& type = "application/json") {
    net::Request request{.head = {.method = method, .path = path, .query = {}, .fields = {}},
                         .body = body};
    if (const size_t mark = path.find('?'); mark != std::string::npos) {
      request.head.query = path.substr(mark + 1);
      request.head.path = path.substr(0, mark);
    }
    request.head.fields = {{"host", "localhost"}, {"authorization", "Bearer " + key}};
    if (!body.empty()) request.head.fields.emplace_back("content-type", type);
    auto admitted = api_->Admit(request.head);
    if (auto* const refused = std::get_if<net::Reply>(&admitted)) return *refused;
    FakeExchange exchange;
    api_->Handle(request, exchange);
    return exchange.reply();
  }
  Json Get(const std::string& method, const std::string& path, const std::string& body = "") {
    const net::Reply reply = Call(method, path, body);
    EXPECT_EQ(reply.status, 200) << path << " " << reply.body;
    return MustParse(reply.body);
  }
  std::string New(const std::string& settings = R"({"temperature": 0, "max_tokens": 40})") {
    return Get("POST", "/v1/carat/conversations", R"({"settings": )" + settings + "}")
        .Find("id")
        ->string();
  }
  Json Ask(const std::string& conversation, const std::string& content,
           const std::string& parent = "") {
    return Get("POST", "/v1/carat/conversations/" + conversation + "/messages",
               R"({"content": )" + content +
                   (parent.empty() ? "" : R"(, "parent": ")" + parent + '"') + "}");
  }
  Json Conversation(const std::string& id) { return Get("GET", "/v1/carat/conversations/" + id); }
  Json MessageOf(const std::string& conversation, const std::string& id) {
    const Json whole = Conversation(conversation);
    for (const Json& message : whole.Find("messages")->array())
      if (message.Find("id")->string() == id) return message;
    ADD_FAILURE() << "no message " << id;
    return {};
  }
  // Its body, once it is whole.
  Json Answer(const std::string& conversation, const std::string& id) {
    for (int i = 0; i < 600; ++i) {
      const Json message = MessageOf(conversation, id);
      if (message.Find("state")->string() == "whole") return *message.Find("body");
      std::this_thread::sleep_for(50ms);
    }
    ADD_FAILURE() << "the answer does not end";
    return {};
  }
  static std::string Text(const Json& body) { return body.Find("content")->string(); }

  TempFolder folder_;
  std::unique_ptr<History> history_;
  std::unique_ptr<ModelHost> host_;
  std::unique_ptr<Api> api_;
};

TEST_F(Conversations, AreAskedAndKept) {
  const std::string id = New();
  const Json asked = Ask(id, R"("What is 12 plus 7?")");
  const std::string answer = asked.Find("answer")->string();
  // It can be read while it is written, and afterwards.
  const net::Reply stream = Call("GET", "/v1/carat/answers/" + answer);
  EXPECT_NE(stream.body.find("[DONE]"), std::string::npos);
  const Json body = Answer(id, answer);
  EXPECT_NE(Text(body).find("19"), std::string::npos) << Text(body);
  EXPECT_EQ(body.Find("carat")->Find("reason")->string(), "stop");
  EXPECT_GT(body.Find("carat")->Find("generated")->integer(), 0);
  EXPECT_EQ(Conversation(id).Find("title")->string(), "What is 12 plus 7?");
  const Json second = Ask(id, R"("Who are you?")", answer);
  EXPECT_NE(Text(Answer(id, second.Find("answer")->string())).find("carat"), std::string::npos);
  Restart();
  EXPECT_EQ(Text(Answer(id, answer)), Text(body));
  EXPECT_EQ(Conversation(id).Find("leaf")->string(), second.Find("answer")->string());
  EXPECT_EQ(Get("GET", "/v1/carat/search?text=12%20plus").Find("hits")->array().size(), 2U);
}

TEST_F(Conversations, Branch) {
  const std::string id = New(R"({"temperature": 1, "max_tokens": 20})");
  const Json first = Ask(id, R"("Tell me a short story.")");
  const std::string question = first.Find("message")->string();
  Answer(id, first.Find("answer")->string());
  const Json again = Get("POST", "/v1/carat/messages/" + question + "/answer");
  const std::string other = again.Find("answer")->string();
  Answer(id, other);
  EXPECT_EQ(MessageOf(id, other).Find("parent")->string(), question);
  EXPECT_EQ(Conversation(id).Find("leaf")->string(), other);
  // An edited question is a sibling.
  const Json edited = Ask(id, R"("Who are you?")");
  Answer(id, edited.Find("answer")->string());
  EXPECT_TRUE(MessageOf(id, edited.Find("message")->string()).Find("parent")->is_null());
  EXPECT_EQ(Call("POST", "/v1/carat/messages/" + other + "/answer").status, 400);
  EXPECT_EQ(Call("DELETE", "/v1/carat/messages/" + question).status, 200);
  EXPECT_EQ(Conversation(id).Find("messages")->array().size(), 2U);
}

TEST_F(Conversations, ShowPictures) {
  const std::string png = MustRead(std::filesystem::path(CARAT_SOURCE_DIR) / "tests" / "fixtures" /
                                   "point" / "shapes.png");
  const net::Reply sent = Call("POST", "/v1/carat/media", png, kKey, "application/octet-stream");
  ASSERT_EQ(sent.status, 200) << sent.body;
  const Json medium = MustParse(sent.body);
  EXPECT_EQ(medium.Find("type")->string(), "image/png");
  const std::string hash = medium.Find("media")->string();
  const net::Reply shown = Call("GET", "/v1/carat/media/" + hash);
  EXPECT_EQ(shown.content_type, "image/png");
  EXPECT_EQ(shown.body, png);
  EXPECT_EQ(Call("GET", "/v1/carat/media/" + hash, "", kOther).status, 404);
  EXPECT_EQ(Call("POST", "/v1/carat/media", "<html>", kKey, "application/octet-stream").status,
            400);
  const std::string id = New();
  const Json asked = Ask(id, R"([{"type": "image", "media": ")" + hash +
                                 R"(", "name": "shapes.png"}, {"type": "text",
                                 "text": "What colour is the circle?"}])");
  EXPECT_NE(Text(Answer(id, asked.Find("answer")->string())).find("yellow"), std::string::npos);
  EXPECT_EQ(Conversation(id).Find("title")->string(), "What colour is the circle?");
  // It goes where the conversation goes, and goes with it.
  const Json copy = Get("GET", "/v1/carat/conversations/" + id + "?media=true");
  EXPECT_EQ(Call("DELETE", "/v1/carat/conversations/" + id).status, 200);
  EXPECT_EQ(Call("GET", "/v1/carat/media/" + hash).status, 404);
  const std::string imported =
      Get("POST", "/v1/carat/conversations/import", copy.Dump()).Find("id")->string();
  EXPECT_EQ(Call("GET", "/v1/carat/media/" + hash).body, png);
  EXPECT_EQ(Conversation(imported).Find("messages")->array().size(), 2U);
}

TEST_F(Conversations, AreTheirOwnersAlone) {
  const std::string id = New();
  const Json asked = Ask(id, R"("Hello!")");
  const std::string question = asked.Find("message")->string();
  for (const auto& [method, path, body] :
       {std::tuple<std::string, std::string, std::string>("GET", "/v1/carat/conversations/" + id,
                                                          ""),
        {"POST", "/v1/carat/conversations/" + id, R"({"title": "x"})"},
        {"DELETE", "/v1/carat/conversations/" + id, ""},
        {"POST", "/v1/carat/conversations/" + id + "/messages", R"({"content": "x"})"},
        {"POST", "/v1/carat/messages/" + question + "/answer", ""},
        {"DELETE", "/v1/carat/messages/" + question, ""},
        {"GET", "/v1/carat/answers/" + asked.Find("answer")->string(), ""}}) {
    EXPECT_EQ(Call(method, path, body, kOther).status, 404) << method << " " << path;
  }
  EXPECT_EQ(Call("GET", "/v1/carat/search?text=Hello", "", kOther).body, R"({"hits": []})");
  EXPECT_NE(Call("GET", "/v1/carat/conversations", "", kOther).body.find(R"("conversations": [])"),
            std::string::npos);
  Answer(id, asked.Find("answer")->string());
}

TEST_F(Conversations, RefuseWhatIsWrong) {
  const std::string id = New();
  for (const auto& [path, body, param] :
       {std::tuple<std::string, std::string, std::string>("", R"({"titel": "x"})", "titel"),
        {"", R"({"settings": {"temperature": 7}})", "settings.temperature"},
        {"/" + id, R"({"leaf": 3})", "leaf"},
        {"/" + id + "/messages", R"({"content": [{"type": "image", "media": "x"}]})",
         "content[0].media"},
        {"/" + id + "/messages", R"({"content": "x", "role": "system"})", "role"},
        {"/import", R"({"messages": [{"id": "a", "role": "robot", "body": {}}]})",
         "messages[0].role"}}) {
    const net::Reply reply = Call("POST", "/v1/carat/conversations" + path, body);
    EXPECT_EQ(reply.status, 400) << path << body;
    EXPECT_NE(reply.body.find("\"param\": \"" + param + "\""), std::string::npos) << reply.body;
  }
  // What can't be answered is not kept: it stands before its writer still.
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "good morning ";
  EXPECT_NE(
      Call("POST", "/v1/carat/conversations/" + id + "/messages", R"({"content": ")" + text + "\"}")
          .body.find("context_length_exceeded"),
      std::string::npos);
  EXPECT_TRUE(Conversation(id).Find("messages")->array().empty());
}

TEST_F(Conversations, DeletingEndsAnAnswer) {
  const std::string id = New(R"({"temperature": 0})");
  Json settings;
  const Json asked = Ask(id, R"("Count from 1 to 20.")");
  const std::string answer = asked.Find("answer")->string();
  EXPECT_EQ(Call("DELETE", "/v1/carat/conversations/" + id).status, 200);
  EXPECT_EQ(Call("GET", "/v1/carat/answers/" + answer).status, 404);
  EXPECT_EQ(Call("GET", "/v1/carat/conversations/" + id).status, 404);
  for (int i = 0; i < 100 && host_->Loaded()->service->status().running > 0; ++i)
    std::this_thread::sleep_for(50ms);
  EXPECT_EQ(host_->Loaded()->service->status().running, 0U);
}

TEST_F(Conversations, LetAPageInWithoutAKey) {
  const auto opened = PageDoor::Open(*history_).value();
  PageDoor& door = *opened;
  ApiOptions options;
  options.history = history_.get();
  options.page_door = &door;
  AccessOptions with{.page_key = [&](std::string_view token) { return door.KeyOf(token); }};
  api_ = std::make_unique<Api>(*host_, std::move(options),
                               Access(with, {{.key = kKey, .name = "me", .manages = true}}));
  const Json code = Get("POST", "/v1/carat/page/codes");
  const std::string swap = R"({"code": ")" + code.Find("code")->string() + "\"}";
  const net::Reply swapped = Call("POST", "/v1/carat/page/tokens", swap, "none");
  ASSERT_EQ(swapped.status, 200) << swapped.body;
  EXPECT_EQ(Call("POST", "/v1/carat/page/tokens", swap, "none").status, 401);
  const std::string token = MustParse(swapped.body).Find("token")->string();
  EXPECT_EQ(Call("GET", "/v1/carat/conversations", "", token).status, 200);
  EXPECT_EQ(Call("POST", "/v1/carat/page/codes", "", token).status, 403);
  EXPECT_EQ(Call("GET", "/v1/carat/page/proof?key=me&nonce=1", "", "none").status, 200);
  EXPECT_EQ(Call("GET", "/v1/carat/page/proof?token=me&nonce=1", "", "none").status, 200);
  EXPECT_EQ(Call("GET", "/v1/carat/page/proof?token=me&key=me&nonce=1", "", "none").status, 400);
  EXPECT_EQ(Call("POST", "/v1/carat/backup", "", token).status, 403);
  EXPECT_EQ(Call("DELETE", "/v1/carat/page/tokens", "", token).status, 200);
  EXPECT_EQ(Call("GET", "/v1/carat/conversations", "", token).status, 401);
  EXPECT_EQ(Call("POST", "/v1/carat/page/codes", "", "none").status, 401);
}

TEST_F(Conversations, PresetsHaveNames) {
  EXPECT_EQ(
      Call("POST", "/v1/carat/presets", R"({"name": "a", "settings": {"temperature": 0}})").status,
      200);
  EXPECT_EQ(
      Call("POST", "/v1/carat/presets", R"({"name": "a", "settings": {"system": "s"}})").status,
      200);
  const Json presets = *Get("GET", "/v1/carat/presets").Find("presets");
  ASSERT_EQ(presets.array().size(), 1U);
  EXPECT_EQ(presets.array()[0].Find("settings")->Dump(), R"({"system": "s"})");
  for (const char* const bad : {R"({"name": "", "settings": {}})", R"({"name": "b"})",
                                R"({"name": "b", "settings": {"temperature": 9}})",
                                R"({"name": "b", "settings": {"messages": []}})"})
    EXPECT_EQ(Call("POST", "/v1/carat/presets", bad).status, 400) << bad;
  EXPECT_EQ(Call("DELETE", "/v1/carat/presets?name=b").status, 404);
  EXPECT_EQ(Call("DELETE", "/v1/carat/presets?name=a").status, 200);
  EXPECT_TRUE(Get("GET", "/v1/carat/presets").Find("presets")->array().empty());
}

TEST_F(Conversations, AreCopiedWhileTheyAreServed) {
  const std::string id = New();
  const std::filesystem::path made = Get("POST", "/v1/carat/backup").Find("folder")->string();
  EXPECT_EQ(made.parent_path(), folder_ / "history");
  std::filesystem::rename(made, folder_ / "copy");
  EXPECT_TRUE(History::Open(folder_ / "copy").value()->Get("me", id).has_value());
  EXPECT_EQ(Call("POST", "/v1/carat/backup", "", kOther).status, 403);
  // One that nobody has moved goes with the next start.
  const std::filesystem::path left = Get("POST", "/v1/carat/backup").Find("folder")->string();
  EXPECT_TRUE(std::filesystem::exists(left));
  Restart();
  EXPECT_FALSE(std::filesystem::exists(left));
}

TEST_F(Conversations, SayWhatMediaTake) {
  const auto png =
      MustRead(std::filesystem::path(CARAT_SOURCE_DIR) / "tests/fixtures/point/shapes.png");
  const net::Reply kept = Call("POST", "/v1/carat/media", png, kKey, "application/octet-stream");
  ASSERT_EQ(kept.status, 200) << kept.body;
  const std::string part =
      R"({"type": "image", "media": ")" + MustParse(kept.body).Find("media")->string() + "\"";
  const auto tokens = [&](const std::string& more) {
    return Get("POST", "/v1/carat/media/tokens", R"({"content": [)" + part + more + "}]}")
        .Find("tokens")
        ->integer();
  };
  EXPECT_GT(tokens(R"(, "budget": 280)"), tokens(R"(, "budget": 70)"));
  EXPECT_LE(tokens(R"(, "budget": 280)"), 280);
  EXPECT_GT(tokens(""), 0);
}

TEST_F(Conversations, TellOtherPages) {
  FakeExchange exchange;
  net::Request request{
      .head = {.method = "GET",
               .path = "/v1/carat/conversations/changes",
               .query = "after=0",
               .fields = {{"host", "localhost"}, {"authorization", std::string("Bearer ") + kKey}}},
      .body = {}};
  std::thread page([&] { api_->Handle(request, exchange); });
  const std::string id = New();
  std::this_thread::sleep_for(1s);
  exchange.Close();
  page.join();
  EXPECT_NE(exchange.reply().body.find("event: hello"), std::string::npos);
  EXPECT_NE(exchange.reply().body.find(id), std::string::npos) << exchange.reply().body;
}

// What a recorder had written is there after a kill, and says that it was cut.
TEST_F(Conversations, KeepWhatWasWritten) {
  const std::string id = history_->Create("me", "", Json(Json::Object())).value();
  HistoryMessage writing{.role = "assistant", .state = MessageState::kWriting};
  writing.body.Set("content", "");
  const std::string message = history_->Add("me", id, writing).value();
  auto answer = std::make_shared<carat::Answer>(1, 2, std::vector<std::string>());
  {
    Recorder recorder(*history_);
    recorder.Follow("me", message, answer);
    answer->Add({.kind = AnswerEvent::Kind::kThinking, .text = "Hm"});
    answer->Add({.kind = AnswerEvent::Kind::kText, .text = "half of"});
    std::this_thread::sleep_for(1500ms);
    const Json read = *MessageOf(id, message).Find("body");
    EXPECT_EQ(Text(read), "half of");
    EXPECT_EQ(read.Find("reasoning")->string(), "Hm");
    EXPECT_EQ(MessageOf(id, message).Find("state")->string(), "writing");
    answer->Add({.kind = AnswerEvent::Kind::kText, .text = " it"});
  }
  EXPECT_EQ(MessageOf(id, message).Find("state")->string(), "cut");
  EXPECT_EQ(Text(*MessageOf(id, message).Find("body")), "half of it");
}

}  // namespace
}  // namespace carat
