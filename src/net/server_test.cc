// What one well-behaved client sees, and what is said to one that is not.
#include "net/server.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "tests/support/errors.h"
#include "tests/support/http_client.h"
#include "tests/support/scripted_handler.h"

namespace carat::net {
namespace {

TEST(Server, AnswersAndKeepsTheConnection) {
  ScriptedHandler handler;
  const auto server = MustListen({}, handler);
  EXPECT_EQ(server->url(), "http://127.0.0.1:" + std::to_string(server->port()));
  HttpClient client(server->port());
  for (int i = 0; i < 3; ++i) {
    const HttpAnswer answer = client.Get("/a%20b");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "GET /a b ");
    EXPECT_EQ(answer.Field("Content-Type"), "text/plain");
    EXPECT_EQ(answer.Field("X-All"), "yes");
    EXPECT_EQ(answer.Field("Connection"), "keep-alive");
    EXPECT_TRUE(answer.Field("Date").ends_with(" GMT"));
  }
  EXPECT_EQ(server->counts().accepted, 1U);
  EXPECT_EQ(server->counts().requests, 3U);
  EXPECT_EQ(server->counts().connections, 1U);
}

TEST(Server, PipelinedRequestsAreAnsweredInOrder) {
  ScriptedHandler handler;
  const auto server = MustListen({}, handler);
  HttpClient client(server->port());
  client.Send(
      "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
      "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
      "GET /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer().body, "GET /1 ");
  EXPECT_EQ(client.ReadAnswer().body, "POST /2 body");
  const HttpAnswer last = client.ReadAnswer();
  EXPECT_EQ(last.body, "GET /3 ");
  EXPECT_EQ(last.Field("Connection"), "close");
  client.ReadToEnd();
  EXPECT_EQ(client.buffer(), "");
}

TEST(Server, ManyRequestsSentAheadAreAllAnswered) {
  ScriptedHandler handler;
  const auto server = MustListen({.limits = {.ahead_bytes = 100}}, handler);
  HttpClient client(server->port());
  std::string all;
  for (int i = 0; i < 2000; ++i)
    all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  std::thread sender([&] { EXPECT_TRUE(client.Send(all)); });
  for (int i = 0; i < 2000; ++i)
    ASSERT_EQ(client.ReadAnswer().body, "GET /" + std::to_string(i) + " ");
  sender.join();
}

TEST(Server, StreamsPieceByPiece) {
  ScriptedHandler handler;
  handler.handle = [](const Request&, Exchange& exchange) {
    EXPECT_TRUE(exchange.Begin({.content_type = "text/event-stream", .body = "a"}));
    EXPECT_TRUE(exchange.Write("bc"));
    EXPECT_TRUE(exchange.Write(""));
    EXPECT_TRUE(exchange.Write(std::string(100'000, 'd')));
    exchange.End();
    EXPECT_FALSE(exchange.Write("too late"));
  };
  const auto server = MustListen({.limits = {.queued_bytes = 1000}}, handler);
  const std::string wanted = "abc" + std::string(100'000, 'd');
  HttpClient client(server->port());
  for (int i = 0; i < 2; ++i) {
    const HttpAnswer answer = client.Get("/");
    EXPECT_TRUE(answer.whole);
    EXPECT_EQ(answer.Field("Transfer-Encoding"), "chunked");
    EXPECT_EQ(answer.body, wanted);
  }
  HttpClient old(server->port());
  old.Send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const HttpAnswer answer = old.ReadAnswer();
  EXPECT_EQ(answer.Field("Transfer-Encoding"), "");
  EXPECT_EQ(answer.Field("Connection"), "close");
  EXPECT_EQ(answer.body, wanted);
}

TEST(Server, OldClientsMayKeepTheirConnection) {
  ScriptedHandler handler;
  const auto server = MustListen({}, handler);
  HttpClient client(server->port());
  client.Send("GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer().Field("Connection"), "keep-alive");
  client.Send("GET /2 HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer().body, "GET /2 ");
  client.ReadToEnd();
}

TEST(Server, HeadHasNoBody) {
  ScriptedHandler handler;
  const auto server = MustListen({}, handler);
  HttpClient client(server->port());
  client.Send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer(true).Field("Content-Length"), "8");
  handler.handle = [](const Request&, Exchange& exchange) {
    exchange.Begin({.body = "a"});
    EXPECT_TRUE(exchange.Write("b"));
    exchange.End();
  };
  client.Send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer(true).Field("Transfer-Encoding"), "chunked");
  handler.handle = [](const Request&, Exchange& exchange) { exchange.Send({.status = 204}); };
  const HttpAnswer answer = client.Get("/");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.Field("Content-Length"), "");
  EXPECT_EQ(client.buffer(), "");
}

TEST(Server, FieldsCannotBeginLinesOfTheirOwn) {
  ScriptedHandler handler;
  handler.handle = [](const Request&, Exchange& exchange) {
    exchange.Send({.body = "a",
                   .fields = {{"X-Bad", "a\r\nX-Worse: b"},
                              {"X Y", "b"},
                              {"Content-Length", "7"},
                              {"Retry-After", "1"}}});
  };
  const auto server = MustListen({}, handler);
  const HttpAnswer answer = HttpClient(server->port()).Get("/");
  EXPECT_EQ(answer.body, "a");
  EXPECT_EQ(answer.Field("X-Worse"), "");
  EXPECT_EQ(answer.Field("X Y"), "");
  EXPECT_EQ(answer.Field("Retry-After"), "1");
}

TEST(Server, TellsAClientThatAsksToGoOn) {
  ScriptedHandler handler;
  const auto server = MustListen({}, handler);
  HttpClient client(server->port());
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer().status, 100);
  client.Send("body");
  EXPECT_EQ(client.ReadAnswer().body, "POST / body");

  handler.admit = [](const RequestHead&) { return Reply{.status = 401, .body = "no"}; };
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  const HttpAnswer refused = client.ReadAnswer();
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.Field("Connection"), "close");
}

TEST(Server, OwnersMayRefuseBeforeTheBody) {
  ScriptedHandler handler;
  handler.admit = [](const RequestHead& head) -> std::variant<size_t, Reply> {
    EXPECT_TRUE(head.from_loopback);
    EXPECT_FALSE(head.tls);
    if (head.path == "/") return size_t{4};
    return Reply{.status = 404, .body = "none"};
  };
  const auto server = MustListen({}, handler);
  HttpClient client(server->port());
  EXPECT_EQ(client.Get("/x").status, 404);
  EXPECT_EQ(client.Get("/").status, 200) << "the connection stays";
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n12345");
  const HttpAnswer answer = client.ReadAnswer();
  EXPECT_EQ(answer.status, 413);
  EXPECT_NE(answer.body.find("4 bytes"), std::string::npos) << answer.body;
  EXPECT_EQ(answer.Field("X-All"), "yes");
}

TEST(Server, ARefusedUploadSeesItsAnswer) {
  ScriptedHandler handler;
  handler.admit = [](const RequestHead&) { return Reply{.status = 403, .body = "no"}; };
  const auto server = MustListen({}, handler);
  HttpClient client(server->port());
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000000\r\n\r\n");
  EXPECT_TRUE(client.Send(std::string(20'000'000, 'x')));
  EXPECT_EQ(client.ReadAnswer().status, 403);
  client.ReadToEnd();
}

TEST(Server, WhatIsNoHttpIsRefused) {
  ScriptedHandler handler;
  const auto server = MustListen({}, handler);
  const auto status = [&](const std::string& text) {
    HttpClient client(server->port());
    client.Send(text);
    const HttpAnswer answer = client.ReadAnswer();
    client.ReadToEnd();
    return answer.status;
  };
  EXPECT_EQ(status("nonsense\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status("GET /%2e%2e/ HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(70'000, 'a')), 431);
  EXPECT_EQ(status("GET / HTTP/3.0\r\n\r\n"), 505);
  EXPECT_EQ(status(std::string("\x16\x03\x01\x02\x00\x01", 6)), 400) << "TLS to a plain port";
  EXPECT_EQ(server->counts().refused, 6U);
}

TEST(Server, AHandlerThatFailsIsA500) {
  ScriptedHandler handler;
  handler.handle = [](const Request& request, Exchange& exchange) {
    if (request.head.path == "/begun") exchange.Begin({.body = "half"});
    if (request.head.path != "/silent") throw std::runtime_error("a bug");
  };
  const auto server = MustListen({}, handler);
  HttpClient client(server->port());
  EXPECT_EQ(client.Get("/silent").status, 500);
  EXPECT_EQ(client.Get("/throws").status, 500);
  const HttpAnswer begun = client.Get("/begun");
  EXPECT_EQ(begun.body, "half");
  EXPECT_FALSE(begun.whole) << "half an answer must not look whole";
  handler.admit = [](const RequestHead&) -> size_t { throw std::runtime_error("a bug"); };
  EXPECT_EQ(HttpClient(server->port()).Get("/").status, 500);
}

TEST(Server, ConnectionsEndAfterSoManyRequests) {
  ScriptedHandler handler;
  const auto server = MustListen({.limits = {.requests_per_connection = 2}}, handler);
  HttpClient client(server->port());
  EXPECT_EQ(client.Get("/").Field("Connection"), "keep-alive");
  EXPECT_EQ(client.Get("/").Field("Connection"), "close");
  client.ReadToEnd();
}

TEST(Server, ListensOnIpv6) {
  ScriptedHandler handler;
  auto server = Server::Listen({.host = "::1"}, handler);
  if (!server) GTEST_SKIP() << "no IPv6 here: " << server.error().Message();
  EXPECT_EQ((*server)->url(), "http://[::1]:" + std::to_string((*server)->port()));
  HttpClient client((*server)->port(), nullptr, 0, true);
  EXPECT_EQ(client.Get("/").body, "GET / ");
}

TEST(Server, SaysWhyItCannotListen) {
  ScriptedHandler handler;
  const auto server = MustListen({.host = "localhost"}, handler);
  EXPECT_EQ(server->url(), "http://localhost:" + std::to_string(server->port()));
  ExpectError(Server::Listen({.port = server->port()}, handler),
              {"in use", "127.0.0.1", std::to_string(server->port())});
  ExpectError(Server::Listen({.host = "nowhere.example"}, handler), {"nowhere.example", "address"});
  ExpectError(Server::Listen({.host = "203.0.113.1"}, handler), "203.0.113.1");
}

TEST(Server, APortIsFreeAgainAtOnce) {
  ScriptedHandler handler;
  auto server = MustListen({}, handler);
  const uint16_t port = server->port();
  HttpClient client(port);
  client.Send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer().status, 200);  // the server closes first: TIME_WAIT is its
  server.reset();
  EXPECT_TRUE(Server::Listen({.port = port}, handler).has_value());
}

}  // namespace
}  // namespace carat::net
