#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "net/server.h"
#include "tests/support/http_client.h"
#include "tests/support/scripted_handler.h"

namespace carat::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(Stop, IdleConnectionsEndAtOnce) {
  ScriptedHandler handler;
  const auto server = MustListen({}, handler);
  HttpClient idle(server->port()), begun(server->port()), uploading(server->port());
  EXPECT_EQ(idle.Get("/").status, 200);
  begun.Send("GET / HT");
  uploading.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
  ASSERT_TRUE(Eventually([&] { return server->counts().requests == 2; }));
  const auto begin = std::chrono::steady_clock::now();
  server->Stop(seconds(60));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(30));
  for (HttpClient* client : {&idle, &begun, &uploading}) {
    client->ReadToEnd();
    EXPECT_EQ(client->buffer(), "");
  }
  EXPECT_FALSE(HttpClient(server->port()).connected()) << "nobody listens any more";
  server->Stop(seconds(60));  // again is nothing
}

TEST(Stop, AnswersMayEnd) {
  ScriptedHandler handler;
  std::atomic<int> begun = 0;
  std::atomic<bool> go = false;
  handler.handle = [&](const Request&, Exchange& exchange) {
    exchange.OnClosed([] { ADD_FAILURE() << "closed within its grace"; });
    exchange.Begin({.body = "a"});
    ++begun;
    EXPECT_TRUE(Eventually([&] { return go.load(); }));
    EXPECT_TRUE(exchange.Write("b"));
    exchange.End();
  };
  const auto server = MustListen({}, handler);
  std::vector<HttpClient> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back(server->port());
    clients.back().Send(kGet);
  }
  ASSERT_TRUE(Eventually([&] { return begun == 8; }));
  std::thread stopping([&] { server->Stop(seconds(60)); });
  std::this_thread::sleep_for(milliseconds(50));
  go = true;
  for (HttpClient& client : clients) {
    const HttpAnswer answer = client.ReadAnswer();
    EXPECT_EQ(answer.body, "ab");
    EXPECT_TRUE(answer.whole);
    client.Close();
  }
  stopping.join();
  EXPECT_EQ(server->counts().connections, 0U);
}

TEST(Stop, AfterTheGraceStreamsAreCut) {
  ScriptedHandler handler;
  std::atomic<int> begun = 0, closed = 0, cut = 0;
  handler.handle = [&](const Request&, Exchange& exchange) {
    exchange.OnClosed([&] { ++closed; });
    exchange.Begin({});
    ++begun;
    EXPECT_TRUE(Eventually([&] { return !exchange.Write("x"); }));
    ++cut;
  };
  const auto server = MustListen({}, handler);
  std::vector<HttpClient> clients;
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back(server->port());
    clients.back().Send(kGet);
  }
  ASSERT_TRUE(Eventually([&] { return begun == 16; }));
  server->Stop(milliseconds(100));
  EXPECT_EQ(closed, 16);
  EXPECT_EQ(cut, 16) << "no handler runs any more";
  EXPECT_EQ(server->counts().handling, 0U);
  for (HttpClient& client : clients) EXPECT_FALSE(client.ReadAnswer().whole);
}

TEST(Stop, HandlersThatDoNotWriteAreToldToo) {
  ScriptedHandler handler;
  std::atomic<bool> begun = false;
  handler.handle = [&](const Request&, Exchange& exchange) {
    std::atomic<bool> closed = false;
    exchange.OnClosed([&] { closed = true; });
    begun = true;
    EXPECT_TRUE(Eventually([&] { return closed.load(); }));
  };
  auto server = MustListen({.limits = {.handler_threads = 1}}, handler);
  HttpClient running(server->port()), waiting(server->port());
  running.Send(kGet);
  ASSERT_TRUE(Eventually([&] { return begun.load(); }));
  waiting.Send(kGet);
  ASSERT_TRUE(Eventually([&] { return server->counts().requests == 2; }));
  server.reset();
  running.ReadToEnd();
  waiting.ReadToEnd();
  EXPECT_EQ(running.buffer() + waiting.buffer(), "");
}

TEST(Stop, WorksWhileClientsComeAndGo) {
  for (int round = 0; round < 10; ++round) {
    ScriptedHandler handler;
    const auto server = MustListen({}, handler);
    std::atomic<bool> over = false;
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i) {
      clients.emplace_back([&] {
        while (!over) {
          HttpClient client(server->port());
          for (int n = 0; n < 3 && client.connected(); ++n) client.Get("/");
        }
      });
    }
    ASSERT_TRUE(Eventually([&] { return server->counts().requests > 20; }));
    server->Stop(milliseconds(round * 5));
    EXPECT_EQ(server->counts().connections, 0U);
    over = true;
    for (std::thread& client : clients) client.join();
  }
}

}  // namespace
}  // namespace carat::net
