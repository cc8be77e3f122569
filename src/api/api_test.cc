// The door and the routes that need no model.
#include "api/api.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "api/openai/chat_writer.h"
#include "api/routes.h"
#include "tests/support/fake_exchange.h"
#include "tests/support/files.h"

namespace carat {
namespace {

constexpr const char* kKey = "carat-0123456789abcdef";

net::Request MakeRequest(std::string method, std::string path, std::string body = "") {
  net::Request request{
      .head = {.method = std::move(method), .path = std::move(path), .query = {}, .fields = {}},
      .body = std::move(body)};
  request.head.fields = {{"host", "localhost:8080"},
                         {"authorization", std::string("Bearer ") + kKey}};
  if (!request.body.empty()) request.head.fields.emplace_back("content-type", "application/json");
  return request;
}

void Remove(net::Request& request, std::string_view field) {
  std::erase_if(request.head.fields, [&](const auto& member) { return member.first == field; });
}

class ApiTest : public testing::Test {
 protected:
  static ApiOptions Options() {
    ApiOptions options;
    options.version = "9";
    options.files["/page.css"] = {.content_type = "text/css", .body = "css"};
    options.models.list = [] { return std::vector<ModelHooks::Stored>{{"point", 5}}; };
    options.models.pull = [](const std::string& name) -> Status {
      if (name == "gemma-4-12b") return {};
      return Fail({.code = ErrorCode::kNotFound, .what = "no such name", .where = "/srv/models"});
    };
    return options;
  }

  // What a request comes to, refusals at the door included.
  net::Reply Ask(const net::Request& request) {
    auto admitted = api_.Admit(request.head);
    if (auto* const refused = std::get_if<net::Reply>(&admitted)) return *refused;
    if (request.body.size() > std::get<size_t>(admitted)) return {.status = 413};
    FakeExchange exchange;
    api_.Handle(request, exchange);
    EXPECT_TRUE(exchange.sent || exchange.ended);
    return exchange.reply();
  }

  ModelHost host_{
      [](const std::string&) -> Result<std::shared_ptr<LoadedService>> {
        return Fail({.code = ErrorCode::kNoMemory, .what = "no room", .where = "/srv/m"});
      },
      "point", std::nullopt};
  Api api_{host_, Options(),
           Access({}, {{.key = kKey, .name = "me", .manages = true},
                       {.key = "the-key-of-another", .name = "you"}})};
};

TEST_F(ApiTest, OnlyHealthNeedsNoKey) {
  net::Request health = MakeRequest("GET", "/health");
  Remove(health, "authorization");
  const net::Reply reply = Ask(health);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, R"({"status": "ok"})");
  const std::pair<const char*, const char*> routes[] = {
      {"POST", "/v1/chat/completions"},
      {"GET", "/v1/models"},
      {"GET", "/v1/models/x"},
      {"POST", "/v1/tokenize"},
      {"POST", "/v1/detokenize"},
      {"GET", "/metrics"},
      {"GET", "/v1/carat/status"},
      {"GET", "/v1/carat/models"},
      {"POST", "/v1/carat/models/load"},
      {"POST", "/v1/carat/models/pull"},
      {"POST", "/v1/carat/models/unload"},
      {"GET", "/v1/carat/answers"},
      {"GET", "/v1/carat/answers/x"},
      {"POST", "/v1/carat/answers/x/cancel"},
      {"POST", "/v1/carat/answers/x/end_thinking"},
      {"POST", "/v1/responses/x/cancel"},
      {"GET", "/v1/responses/x"},
      {"GET", "/v1/carat/conversations"},
      {"GET", "/v1/carat/conversations/x"},
      {"POST", "/v1/carat/conversations/x/messages"},
      {"GET", "/v1/carat/conversations/changes"},
      {"POST", "/v1/carat/messages/x/answer"},
      {"GET", "/v1/carat/media/x"},
      {"GET", "/v1/carat/search"},
      {"POST", "/v1/carat/page/codes"},
      {"DELETE", "/v1/carat/page/tokens"},
      {"GET", "/"},
      {"GET", "/nothing"},
      {"DELETE", "/v1/models"}};
  for (const auto& [method, path] : routes) {
    net::Request request = MakeRequest(method, path, "{}");
    Remove(request, "authorization");
    const net::Reply refused = Ask(request);
    EXPECT_EQ(refused.status, 401) << path;
    EXPECT_NE(refused.body.find("invalid_api_key"), std::string::npos);
  }
}

// Of the whole table.
TEST_F(ApiTest, FewRoutesNeedNoKey) {
  std::string open;
  for (const Route& route : AllRoutes()) {
    net::Request request = MakeRequest(std::string(route.method), std::string(route.pattern),
                                       route.max_body > 0 ? "{}" : "");
    Remove(request, "authorization");
    if (Ask(request).status != 401) open += std::string(route.pattern) + " ";
  }
  EXPECT_EQ(open, "/health /v1/carat/page/proof /v1/carat/page/tokens ");
}

TEST_F(ApiTest, HealthStillMindsTheHost) {
  net::Request health = MakeRequest("GET", "/health");
  health.head.fields = {{"host", "evil.example"}};
  EXPECT_EQ(Ask(health).status, 403);
}

TEST_F(ApiTest, KnowsItsPathsAndMethods) {
  EXPECT_EQ(Ask(MakeRequest("GET", "/v1/nothing")).status, 404);
  EXPECT_EQ(Ask(MakeRequest("GET", "/v1/models/")).status, 404);
  EXPECT_EQ(Ask(MakeRequest("GET", "/v1/models/a/b")).status, 404);
  const net::Reply reply = Ask(MakeRequest("GET", "/v1/chat/completions"));
  EXPECT_EQ(reply.status, 405);
  EXPECT_NE(std::ranges::find(reply.fields, std::pair<std::string, std::string>("allow", "POST")),
            reply.fields.end());
  EXPECT_EQ(Ask(MakeRequest("OPTIONS", "/v1/chat/completions")).status, 403);
}

TEST_F(ApiTest, AnswersInTheDialectThatIsSpoken) {
  net::Request request = MakeRequest("GET", "/v1/messages/nothing");
  EXPECT_NE(Ask(request).body.find(R"("type": "error")"), std::string::npos);
  request = MakeRequest("GET", "/v1/nothing");
  request.head.fields.emplace_back("anthropic-version", "2023-06-01");
  EXPECT_NE(Ask(request).body.find(R"("type": "not_found_error")"), std::string::npos);
}

// A page can send a form or plain text anywhere without asking first.
TEST_F(ApiTest, TakesJsonAsJsonOnly) {
  for (const char* const type : {"text/plain", "application/x-www-form-urlencoded",
                                 "multipart/form-data; boundary=x", "", "application/jsonx"}) {
    net::Request request = MakeRequest("POST", "/v1/tokenize", "{}");
    Remove(request, "content-type");
    request.head.fields.emplace_back("content-type", type);
    EXPECT_EQ(Ask(request).status, 415) << type;
  }
  net::Request request = MakeRequest("POST", "/v1/tokenize", "{}");
  Remove(request, "content-type");
  EXPECT_EQ(Ask(request).status, 415);
  request.head.fields.emplace_back("content-type", "Application/JSON ; charset=utf-8");
  EXPECT_NE(Ask(request).status, 415);
}

TEST_F(ApiTest, BoundsBodiesByTheirRoute) {
  const auto bound = [&](std::string method, std::string path) {
    return std::get<size_t>(api_.Admit(MakeRequest(std::move(method), std::move(path), "{}").head));
  };
  EXPECT_EQ(bound("GET", "/v1/models"), 0);
  EXPECT_EQ(bound("POST", "/v1/carat/models/load"), size_t{1} << 20);
  EXPECT_EQ(bound("POST", "/v1/chat/completions"), size_t{64} << 20);
}

TEST_F(ApiTest, SaysWhatIsWrongWithABody) {
  net::Reply reply = Ask(MakeRequest("POST", "/v1/chat/completions", "{\"a\""));
  EXPECT_EQ(reply.status, 400);
  EXPECT_NE(reply.body.find("no JSON"), std::string::npos) << reply.body;
  reply = Ask(MakeRequest("POST", "/v1/chat/completions", R"({"messages": [], "x": 1})"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_NE(reply.body.find(R"("param": "x")"), std::string::npos) << reply.body;
  const std::string deep = std::string(1000, '[') + std::string(1000, ']');
  EXPECT_EQ(Ask(MakeRequest("POST", "/v1/chat/completions", deep)).status, 400);
}

TEST_F(ApiTest, NamesEachRequest) {
  const auto id_of = [](const net::Reply& reply) {
    for (const auto& [key, value] : reply.fields) {
      if (key == "x-request-id") return value;
    }
    return std::string();
  };
  const std::string first = id_of(Ask(MakeRequest("GET", "/v1/carat/answers")));
  EXPECT_TRUE(first.starts_with("req_"));
  EXPECT_NE(first, id_of(Ask(MakeRequest("GET", "/v1/carat/answers"))));
}

TEST_F(ApiTest, ShowsNothingOfWhyAModelIsNotThere) {
  EXPECT_EQ(Ask(MakeRequest("GET", "/v1/models")).status, 200);
  const net::Reply reply = Ask(MakeRequest("POST", "/v1/chat/completions",
                                           R"({"messages": [{"role": "user", "content": "x"}]})"));
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.body.find("/srv"), std::string::npos);
}

// CVE-2026-103663 and CVE-2026-119979: digests and names that became paths.
TEST_F(ApiTest, TakesNoPathForAModel) {
  for (const char* const name :
       {"../point", "/etc/passwd", "a/b", "a\\\\b", "..", ".hidden", "sha256:../../x", "", "a b",
        "http://evil.example/x", "hf.co/x/y", "point\\u0000", "a:b:c", "-x"}) {
    for (const char* const action : {"load", "pull"}) {
      const net::Reply reply = Ask(MakeRequest("POST", std::string("/v1/carat/models/") + action,
                                               R"({"model": ")" + std::string(name) + "\"}"));
      EXPECT_EQ(reply.status, 400) << name;
      EXPECT_NE(reply.body.find(R"("param": "model")"), std::string::npos);
    }
  }
  EXPECT_EQ(Ask(MakeRequest("POST", "/v1/carat/models/load", R"({"model": "other"})")).status, 404);
  net::Reply reply = Ask(MakeRequest("POST", "/v1/carat/models/pull", R"({"model": "other"})"));
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.body.find("/srv"), std::string::npos);
  reply = Ask(MakeRequest("POST", "/v1/carat/models/pull", R"({"model": "gemma-4-12b"})"));
  EXPECT_EQ(reply.status, 202);
  EXPECT_EQ(Ask(MakeRequest("POST", "/v1/carat/models/load", R"({"model": "point", "path": "/x"})"))
                .status,
            400);
}

TEST_F(ApiTest, LetsOnlyManagersChangeTheModel) {
  for (const char* const action : {"load", "unload", "pull"}) {
    const bool unload = std::string_view(action) == "unload";
    net::Request request = MakeRequest("POST", std::string("/v1/carat/models/") + action,
                                       unload ? "" : R"({"model": "gemma-4-12b"})");
    Remove(request, "authorization");
    request.head.fields.emplace_back("x-api-key", "the-key-of-another");
    const net::Reply reply = Ask(request);
    EXPECT_EQ(reply.status, 403) << action;
    EXPECT_NE(reply.body.find("not_a_manager"), std::string::npos);
  }
}

TEST_F(ApiTest, RefusesQueriesAndCodingsThatItWouldNotHonour) {
  net::Request request = MakeRequest("GET", "/v1/carat/status");
  request.head.query = "verbose=1";
  EXPECT_EQ(Ask(request).status, 400);
  request = MakeRequest("POST", "/v1/messages", "{}");
  request.head.query = "beta=true";  // of the official client
  EXPECT_NE(Ask(request).body.find("messages: missing"), std::string::npos) << Ask(request).body;
  request = MakeRequest("POST", "/v1/tokenize", "{}");
  request.head.fields.emplace_back("content-encoding", "gzip");
  EXPECT_EQ(Ask(request).status, 415);
}

TEST_F(ApiTest, ListsModelsInPages) {
  for (const char* const query :
       {"limit=1000", "client_version=0.155.1", "beta=true", "after_id=x"}) {
    net::Request request = MakeRequest("GET", "/v1/models");
    request.head.query = query;
    EXPECT_EQ(Ask(request).status, 200) << query;
  }
  net::Request request = MakeRequest("GET", "/v1/models");
  request.head.query = "order=asc";
  request.head.fields.emplace_back("anthropic-version", "2023-06-01");
  const net::Reply reply = Ask(request);
  EXPECT_EQ(reply.status, 400);
  EXPECT_NE(reply.body.find(R"("type": "error")"), std::string::npos) << reply.body;
}

TEST_F(ApiTest, TakesAnEmptyObjectWhereNoBodyIsWanted) {
  for (const auto& [body, status] :
       {std::pair("", 404), {"{}", 404}, {" {\n} ", 404}, {"{\"a\":1}", 400}}) {
    EXPECT_EQ(Ask(MakeRequest("POST", "/v1/carat/answers/x/cancel", body)).status, status) << body;
  }
}

TEST_F(ApiTest, AnswersHeadAsGet) {
  EXPECT_EQ(Ask(MakeRequest("HEAD", "/health")).status, 200);
  EXPECT_EQ(Ask(MakeRequest("HEAD", "/v1/carat/status")).status, 200);
  EXPECT_EQ(Ask(MakeRequest("HEAD", "/v1/tokenize")).status, 405);
}

TEST_F(ApiTest, RefusesInTheDialectOfThePath) {
  EXPECT_NE(api_.Refuse(413, "too large", "/v1/messages").body.find(R"("request_too_large")"),
            std::string::npos);
  EXPECT_NE(api_.Refuse(413, "too large", "/v1/responses").body.find(R"("code": )"),
            std::string::npos);
}

TEST_F(ApiTest, NamesAParameterThatHasNoProperName) {
  const net::Reply reply =
      Ask(MakeRequest("POST", "/v1/chat/completions", R"({"messages": [], "a b\u0007": 1})"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_NE(reply.body.find("a b"), std::string::npos) << reply.body;
}

TEST_F(ApiTest, ShowsStatusAndMetricsWithoutAModel) {
  EXPECT_EQ(Ask(MakeRequest("GET", "/v1/carat/status")).body,
            R"({"version": "9", "model": null, "own_answers": []})");
  EXPECT_EQ(
      Ask(MakeRequest("GET", "/v1/carat/models")).body,
      R"({"loaded": null, "models": [{"name": "point", "bytes": 5}], "pulls": [], "offers": []})");
  const net::Reply metrics = Ask(MakeRequest("GET", "/metrics"));
  EXPECT_TRUE(metrics.content_type.starts_with("text/plain; version=0.0.4"));
  EXPECT_NE(metrics.body.find("carat_model_loaded 0\n"), std::string::npos);
}

TEST_F(ApiTest, GivesAnswersBackToTheirOwnerAlone) {
  auto answer = std::make_shared<Answer>(1, 2, std::vector<std::string>());
  answer->Add({.text = "a"});
  answer->Add({.text = "b"});
  api_.answers().Add({.id = "chatcmpl-1", .owner = "me", .answer = answer, .make_writer = [] {
                        return std::make_unique<ChatWriter>(ChatWriterOptions{.id = "chatcmpl-1"});
                      }});
  net::Request request = MakeRequest("POST", "/v1/carat/answers/chatcmpl-1/end_thinking");
  EXPECT_EQ(Ask(request).body, R"({"id": "chatcmpl-1", "ended": false})");
  EXPECT_TRUE(answer->end_thinking());
  request = MakeRequest("POST", "/v1/carat/answers/chatcmpl-1/cancel");
  Remove(request, "authorization");
  request.head.fields.emplace_back("x-api-key", "the-key-of-another");
  EXPECT_EQ(Ask(request).status, 404);
  EXPECT_FALSE(answer->cancelled());
  EXPECT_EQ(Ask(MakeRequest("POST", "/v1/carat/answers/chatcmpl-1/cancel")).status, 200);
  EXPECT_TRUE(answer->cancelled());

  answer->Add({.kind = AnswerEvent::Kind::kChoiceEnd, .end = AnswerEnd::kCancelled});
  answer->Add({.kind = AnswerEvent::Kind::kEnd});
  EXPECT_EQ(Ask(MakeRequest("GET", "/v1/carat/answers")).body, R"({"answers": ["chatcmpl-1"]})");
  request = MakeRequest("GET", "/v1/carat/answers/chatcmpl-1");
  request.head.query = "after=3";
  EXPECT_EQ(Ask(request).body, "id: 3\ndata: [DONE]\n\n");
  request.head.query = "";
  request.head.fields.emplace_back("last-event-id", "2");
  EXPECT_EQ(Ask(request).body, "id: 3\ndata: [DONE]\n\n");
  for (const char* const query : {"after=-1", "after=x", "after=", "x=1", "after=1&y=2"}) {
    request.head.query = query;
    EXPECT_EQ(Ask(request).status, 400) << query;
  }
  EXPECT_EQ(Ask(MakeRequest("GET", "/v1/carat/answers/chatcmpl-2")).status, 404);
}

TEST_F(ApiTest, ClosesItsAnswersToOthers) {
  const auto expect = [](const net::Fields& fields, std::initializer_list<const char*> names) {
    for (const char* const name : names) {
      EXPECT_EQ(std::ranges::count(fields, name, [](const auto& f) { return f.first; }), 1) << name;
    }
    for (const auto& [key, value] : fields) EXPECT_FALSE(key.starts_with("access-control")) << key;
  };
  expect(api_.AllAnswers(), {"x-content-type-options", "referrer-policy", "x-frame-options",
                             "cross-origin-resource-policy"});
  const auto data = {"content-security-policy", "cache-control"};
  expect(Ask(MakeRequest("GET", "/health")).fields, data);
  expect(Ask(MakeRequest("GET", "/v1/carat/answers")).fields, data);
  expect(Ask(MakeRequest("GET", "/nothing")).fields, data);
  expect(Ask(MakeRequest("POST", "/v1/tokenize")).fields, data);
  expect(api_.Refuse(431, "too large", "").fields, data);
}

TEST_F(ApiTest, GivesFilesWithoutAKeyButMindsTheHost) {
  net::Request request = MakeRequest("GET", "/page.css");
  Remove(request, "authorization");
  EXPECT_EQ(Ask(request).body, "css");
  request.head.path = "/page.css/../keys";
  EXPECT_EQ(Ask(request).status, 401);
  request.head.path = "/page.css";
  request.head.method = "POST";
  EXPECT_EQ(Ask(request).status, 401);
  request.head.method = "GET";
  request.head.fields = {{"host", "evil.example"}};
  EXPECT_EQ(Ask(request).status, 403);
}

}  // namespace
}  // namespace carat
