// Clients that leave, sleep, drip or come in numbers. None of them may disturb another.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/scoped_fd.h"
#include "net/server.h"
#include "net/sse_writer.h"
#include "tests/support/http_client.h"
#include "tests/support/scripted_handler.h"

namespace carat::net {
namespace {

const std::string kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

// A handler that waits, as for a model, until its client goes away or `go` is set.
struct Waiting {
  std::atomic<bool> go = false;
  std::atomic<int> begun = 0, closed = 0;

  void operator()(const Request&, Exchange& exchange) {
    std::atomic<bool> gone = false;
    exchange.OnClosed([&] {
      ++closed;
      gone = true;
    });
    ++begun;
    EXPECT_TRUE(Eventually([&] { return gone || go; }));
    if (!gone) exchange.Send({.body = "done"});
  }
};

struct Clients : testing::Test {
  std::unique_ptr<Server> Listen(Limits limits = {}) {
    return MustListen({.limits = limits}, handler);
  }
  ScriptedHandler handler;
  Waiting waiting;
};

TEST_F(Clients, AreMissedWhileAHandlerWaits) {
  handler.handle = std::ref(waiting);
  const auto server = Listen();
  HttpClient closes(server->port()), resets(server->port()), halves(server->port());
  for (HttpClient* client : {&closes, &resets, &halves}) client->Send(kGet);
  ASSERT_TRUE(Eventually([&] { return waiting.begun == 3; }));
  closes.Close();
  EXPECT_TRUE(Eventually([&] { return waiting.closed == 1; }));
  resets.Reset();
  EXPECT_TRUE(Eventually([&] { return waiting.closed == 2; }));
  halves.HalfClose();  // as header and decision page say
  EXPECT_TRUE(Eventually([&] { return waiting.closed == 3; }));
  halves.ReadToEnd();
  EXPECT_EQ(halves.buffer(), "");
  EXPECT_TRUE(Eventually([&] { return server->counts().handling == 0; }));
  EXPECT_EQ(server->counts().broken, 3U);
  EXPECT_EQ(server->counts().connections, 0U);
}

TEST_F(Clients, AreMissedAlsoWithRequestsSentAhead) {
  handler.handle = std::ref(waiting);
  const auto server = Listen();
  HttpClient client(server->port());
  client.Send(kGet + kGet + kGet);
  ASSERT_TRUE(Eventually([&] { return waiting.begun == 1; }));
  client.Close();
  EXPECT_TRUE(Eventually([&] { return waiting.closed == 1; }));
  EXPECT_TRUE(Eventually([&] { return server->counts().connections == 0; }));
  EXPECT_EQ(waiting.begun, 1) << "what was sent ahead is not answered";
}

TEST_F(Clients, OnClosedComesOnceAndNotLate) {
  std::atomic<int> closed = 0;
  std::atomic<bool> left = false;
  handler.handle = [&](const Request& request, Exchange& exchange) {
    if (request.head.path == "/late") {  // asked only after it has happened
      exchange.Begin({});
      EXPECT_TRUE(Eventually([&] { return left.load(); }));
      EXPECT_TRUE(Eventually([&] { return !exchange.Write("x"); }));
      exchange.OnClosed([&] { ++closed; });
      EXPECT_EQ(closed, 1);
    } else {
      exchange.OnClosed([&] { closed += 100; });
      exchange.Send({});
    }
  };
  const auto server = Listen();
  HttpClient late(server->port());
  late.Send("GET /late HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(late.ReadUntil("\r\n\r\n"));
  late.Close();
  EXPECT_TRUE(Eventually([&] { return server->counts().connections == 0; }));
  left = true;
  EXPECT_TRUE(Eventually([&] { return closed == 1; }));
  HttpClient done(server->port());
  EXPECT_EQ(done.Get("/").status, 200);
  done.Close();
  EXPECT_TRUE(Eventually([&] { return server->counts().connections == 0; }));
  EXPECT_EQ(closed, 1);
}

TEST_F(Clients, SixtyFourStreamAtOnce) {
  handler.handle = [](const Request& request, Exchange& exchange) {
    exchange.Begin({.content_type = std::string(kEventStream)});
    for (int i = 0; i < 50; ++i) {
      exchange.Write(Format({.data = request.head.path + " " + std::to_string(i)}));
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    exchange.End();
  };
  const auto server = Listen();
  std::vector<std::thread> clients;
  for (int n = 0; n < 64; ++n) {
    clients.emplace_back([&, n] {
      HttpClient client(server->port());
      const std::string path = "/" + std::to_string(n);
      std::string wanted;
      for (int i = 0; i < 50; ++i) wanted += Format({.data = path + " " + std::to_string(i)});
      for (int round = 0; round < 3; ++round) EXPECT_EQ(client.Get(path).body, wanted);
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(server->counts().requests, 192U);
  EXPECT_EQ(server->counts().broken, 0U);
}

TEST_F(Clients, MayLeaveAtAnyMoment) {
  handler.handle = [](const Request& request, Exchange& exchange) {
    exchange.Begin({.body = request.body});
    for (int i = 0; i < 20; ++i) exchange.Write(std::string(500, 'x'));
    exchange.End();
  };
  const auto server = Listen();
  const std::string request =
      "POST /some/path HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "c8\r\n" +
      std::string(200, 'b') + "\r\n64\r\n" + std::string(100, 'b') + "\r\n0\r\n\r\n";
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    HttpClient client(server->port(), nullptr, i % 3 == 0 ? 2000 : 0);
    if (i % 2 == 0) {
      client.Send(request.substr(0, random() % request.size()));
    } else {
      client.Send(i % 4 == 1 ? request + request : request);
      const size_t read = random() % 10'000;
      while (client.buffer().size() < read && client.Read()) {
      }
    }
    if (i % 5 == 0) client.HalfClose();
    if (i % 5 < 3) client.Reset();
  }
  EXPECT_TRUE(Eventually([&] { return server->counts().connections == 0; }));
  EXPECT_TRUE(Eventually([&] { return server->counts().handling == 0; }));
  HttpClient client(server->port());
  client.Send(request);
  EXPECT_EQ(client.ReadAnswer().body.size(), 10'300U);
}

TEST_F(Clients, ASlowReaderIsDroppedAndDisturbsNobody) {
  std::atomic<int> failed = 0;
  handler.handle = [&](const Request& request, Exchange& exchange) {
    if (request.head.path == "/fast") return exchange.Send({.body = "fast"});
    if (request.head.path == "/whole") return exchange.Send({.body = std::string(8 << 20, 'x')});
    exchange.Begin({});
    while (exchange.Write(std::string(1000, 'x'))) {
    }
    ++failed;
  };
  const auto server =
      Listen({.write_stall_ms = 1000, .queued_bytes = 10'000, .send_buffer_bytes = 10'000});
  HttpClient slow(server->port(), nullptr, 2000), whole(server->port(), nullptr, 2000);
  slow.Send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  whole.Send("GET /whole HTTP/1.1\r\nHost: h\r\n\r\n");
  HttpClient fast(server->port());
  int answered = 0;
  EXPECT_TRUE(Eventually([&] {
    if (fast.Get("/fast").body == "fast") ++answered;
    return server->counts().connections == 1;
  }));
  EXPECT_GT(answered, 0);
  EXPECT_TRUE(Eventually([&] { return failed == 1; }));
  EXPECT_EQ(server->counts().slow, 2U);
  EXPECT_EQ(fast.Get("/fast").body, "fast");
}

TEST_F(Clients, WhoDripsAHeadIsToldSo) {
  const auto server = Listen({.head_ms = 300, .idle_ms = 60'000});
  HttpClient drips(server->port());
  HttpAnswer answer;
  std::thread reader([&] { answer = drips.ReadAnswer(); });
  for (const char c : kGet.substr(0, kGet.size() - 1)) {
    if (server->counts().slow > 0) break;
    drips.Send(std::string(1, c));
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
  }
  reader.join();
  EXPECT_EQ(answer.status, 408);
  EXPECT_EQ(server->counts().slow, 1U);
  drips.ReadToEnd();
}

TEST_F(Clients, WhoDripsABodyIsToldSo) {
  const auto server = Listen({.body_progress_ms = 300, .body_progress_bytes = 1000});
  HttpClient drips(server->port());
  drips.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\n");
  EXPECT_EQ(drips.ReadAnswer().status, 408);
  // Slow, and honest: it takes several spans and comes through.
  HttpClient slow(server->port());
  const auto begin = std::chrono::steady_clock::now();
  slow.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\n");
  for (int i = 0; i < 100; ++i) {
    slow.Send(std::string(5000, 'x'));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_GT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(600));
  EXPECT_EQ(slow.ReadAnswer().body.size(), 500'007U);
}

TEST_F(Clients, IdleConnectionsEnd) {
  const auto server = Listen({.idle_ms = 100});
  HttpClient silent(server->port()), served(server->port());
  EXPECT_EQ(served.Get("/").status, 200);
  silent.ReadToEnd();
  served.ReadToEnd();
  EXPECT_EQ(silent.buffer() + served.buffer(), "");
  EXPECT_EQ(server->counts().slow, 0U);
}

TEST_F(Clients, TooManyRequestsAreRefused) {
  handler.handle = std::ref(waiting);
  const auto server = Listen({.handler_threads = 2, .waiting_requests = 1});
  HttpClient a(server->port()), b(server->port()), c(server->port()), d(server->port());
  a.Send(kGet);
  b.Send(kGet);
  ASSERT_TRUE(Eventually([&] { return waiting.begun == 2; }));
  c.Send(kGet);
  ASSERT_TRUE(Eventually([&] { return server->counts().requests == 3; }));
  EXPECT_EQ(d.Get("/").status, 503);
  waiting.go = true;
  for (HttpClient* client : {&a, &b, &c}) EXPECT_EQ(client->ReadAnswer().body, "done");
}

TEST_F(Clients, WhoLeavesTheQueueIsNotHandled) {
  handler.handle = std::ref(waiting);
  const auto server = Listen({.handler_threads = 1, .waiting_requests = 5});
  HttpClient a(server->port()), b(server->port()), c(server->port());
  a.Send(kGet);
  ASSERT_TRUE(Eventually([&] { return waiting.begun == 1; }));
  b.Send(kGet);
  ASSERT_TRUE(Eventually([&] { return server->counts().requests == 2; }));
  c.Send(kGet);
  ASSERT_TRUE(Eventually([&] { return server->counts().requests == 3; }));
  b.Close();
  ASSERT_TRUE(Eventually([&] { return server->counts().broken == 1; }));
  waiting.go = true;
  EXPECT_EQ(c.ReadAnswer().body, "done");
  EXPECT_EQ(waiting.begun, 2);
}

TEST_F(Clients, TooManyConnectionsAreRefusedAndIdleOnesMakeRoom) {
  handler.handle = std::ref(waiting);
  const auto server = Listen({.connections = 2, .refused_connections = 1});
  HttpClient a(server->port()), b(server->port());
  a.Send(kGet);
  b.Send(kGet);
  ASSERT_TRUE(Eventually([&] { return waiting.begun == 2; }));
  HttpClient c(server->port());
  ASSERT_TRUE(Eventually([&] { return server->counts().accepted == 3; }));
  HttpClient d(server->port());
  d.ReadToEnd();
  EXPECT_EQ(d.buffer(), "");
  EXPECT_EQ(c.Get("/").status, 503);
  c.ReadToEnd();
  c.Close();
  waiting.go = true;
  EXPECT_EQ(a.ReadAnswer().body, "done");
  EXPECT_EQ(b.ReadAnswer().body, "done");
  ASSERT_TRUE(Eventually([&] { return server->counts().connections == 2; }));
  // Both are idle soon; then one of them goes for a new one.
  EXPECT_TRUE(Eventually([&] { return HttpClient(server->port()).Get("/").body == "done"; }));
}

TEST_F(Clients, OneAddressDoesNotTakeAll) {
  handler.handle = std::ref(waiting);
  const auto server = Listen({.connections_per_address = 1});
  HttpClient a(server->port());
  a.Send(kGet);
  ASSERT_TRUE(Eventually([&] { return waiting.begun == 1; }));
  EXPECT_EQ(HttpClient(server->port()).Get("/").status, 503);
  waiting.go = true;
  EXPECT_EQ(a.ReadAnswer().body, "done");
}

// Silent ones, half heads and slow bodies keep nobody out: the oldest goes for who asks.
TEST_F(Clients, WhoAsksForNothingMakesRoom) {
  const auto server = Listen({.connections_per_address = 4});
  std::vector<HttpClient> silent;
  for (const char* const text : {"", "", "GET / HTTP/1.1\r\nHost: h",
                                 "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx"}) {
    silent.emplace_back(server->port());
    silent.back().Send(text);
    ASSERT_TRUE(Eventually([&] { return server->counts().accepted == silent.size(); }));
  }
  for (int i = 0; i < 12; ++i) EXPECT_EQ(HttpClient(server->port()).Get("/").status, 200) << i;
}

TEST_F(Clients, BodiesTogetherHaveALimit) {
  const auto server = Listen({.body_bytes_in_all = 150'000});
  HttpClient a(server->port()), b(server->port());
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n";
  a.Send(head + std::string(99'999, 'x'));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // most of it is there by then
  b.Send(head + std::string(99'999, 'x'));
  EXPECT_EQ(b.ReadAnswer().status, 503);
  a.Send("x");
  EXPECT_EQ(a.ReadAnswer().status, 200);
  EXPECT_TRUE(Eventually([&] {
    HttpClient c(server->port());
    c.Send(head + std::string(100'000, 'x'));
    return c.ReadAnswer().status == 200;
  })) << "what is done gives its share back";
}

TEST_F(Clients, WithoutDescriptorsTheServerWaits) {
  const auto server = Listen();
  HttpClient first(server->port());
  EXPECT_EQ(first.Get("/").status, 200);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  std::vector<HttpClient> late;
  late.reserve(1);
  std::vector<ScopedFd> fillers;
  {
    rlimit small = before;
    small.rlim_cur = 200;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &small), 0);
    while (true) {
      ScopedFd filler(::dup(first.fd()));
      if (!filler.valid()) break;
      fillers.push_back(std::move(filler));
    }
    fillers.pop_back();
    late.emplace_back(server->port());  // takes the last one
    late[0].Send(kGet);
    EXPECT_EQ(first.Get("/").status, 200) << "those that are there are served on";
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    EXPECT_EQ(server->counts().accepted, 1U);
    fillers.clear();
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  }
  EXPECT_EQ(late[0].ReadAnswer().status, 200);
}

TEST_F(Clients, SignalsStayAsTheyAre) {
  struct sigaction before{}, after{};
  ::sigaction(SIGPIPE, nullptr, &before);
  {
    handler.handle = [](const Request&, Exchange& exchange) {
      exchange.Begin({});
      EXPECT_TRUE(Eventually([&] { return !exchange.Write(std::string(10'000, 'x')); }));
    };
    const auto server = Listen();
    for (int i = 0; i < 20; ++i) {
      HttpClient client(server->port());
      client.Send(kGet);
      client.ReadUntil("\r\n\r\n");
      client.Reset();
    }
  }
  ::sigaction(SIGPIPE, nullptr, &after);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
  EXPECT_EQ(after.sa_handler, SIG_DFL);
}

}  // namespace
}  // namespace carat::net
