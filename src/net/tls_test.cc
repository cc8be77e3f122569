#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "net/server.h"
#include "tests/support/errors.h"
#include "tests/support/http_client.h"
#include "tests/support/scripted_handler.h"
#include "tests/support/temp_folder.h"

namespace carat::net {
namespace {

class Tls : public testing::Test {
 protected:
  void SetUp() override {
    const std::string make =
        "cd " + folder_.path().string() +
        " && openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 2"
        " -subj /CN=localhost 2>log && openssl genrsa -out other 2048 2>>log"
        " && openssl rsa -in key -aes256 -passout pass:x -out locked 2>>log";
    if (std::system(make.c_str()) != 0) GTEST_SKIP() << "no certificate: openssl does not run";
    options_ = {.certificate = folder_ / "cert", .key = folder_ / "key"};
    SSL_CTX_load_verify_locations(context_.get(), (folder_ / "cert").c_str(), nullptr);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  }

  struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  TempFolder folder_;
  ServerOptions options_;
  std::unique_ptr<SSL_CTX, FreeContext> context_{SSL_CTX_new(TLS_client_method())};
  ScriptedHandler handler_;
};

TEST_F(Tls, AnswersAndStreams) {
  handler_.handle = [](const Request& request, Exchange& exchange) {
    EXPECT_TRUE(request.head.tls);
    exchange.Begin({.body = request.body});
    for (int i = 0; i < 100; ++i) exchange.Write(std::string(3000, 'x'));
    exchange.End();
  };
  const auto server = MustListen(options_, handler_);
  EXPECT_TRUE(server->url().starts_with("https://127.0.0.1:"));
  HttpClient client(server->port(), context_.get());
  ASSERT_TRUE(client.connected());
  const std::string body(500'000, 'b');
  for (int i = 0; i < 2; ++i) {
    client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\n" + body);
    const HttpAnswer answer = client.ReadAnswer();
    EXPECT_TRUE(answer.whole);
    EXPECT_EQ(answer.body.size(), 800'000U);
  }
}

TEST_F(Tls, TheEndIsToldProperly) {
  const auto server = MustListen(options_, handler_);
  HttpClient client(server->port(), context_.get());
  client.Send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer().body, "GET / ");
  ERR_clear_error();
  client.ReadToEnd();
  EXPECT_EQ(ERR_peek_error(), 0U) << "the end came without close_notify";
  // Neither a client that does not answer that, nor one that goes on sending, holds it up.
  handler_.admit = [](const RequestHead&) { return Reply{.status = 403}; };
  HttpClient upload(server->port(), context_.get());
  upload.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n");
  upload.Send(std::string(1'000'000, 'x'));
  EXPECT_EQ(upload.ReadAnswer().status, 403);
}

TEST_F(Tls, OthersDoNotDisturb) {
  options_.limits.handshake_ms = 200;
  const auto server = MustListen(options_, handler_);
  HttpClient plain(server->port());
  plain.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  HttpClient silent(server->port());
  HttpClient leaver(server->port());
  leaver.Send("\x16\x03\x01");
  leaver.Reset();
  HttpClient good(server->port(), context_.get());
  EXPECT_EQ(good.Get("/").body, "GET / ");
  plain.ReadToEnd();
  EXPECT_EQ(plain.buffer().find("HTTP"), std::string::npos);
  silent.ReadToEnd();
  EXPECT_TRUE(Eventually([&] { return server->counts().connections == 1; }));
  EXPECT_EQ(good.Get("/").body, "GET / ");
}

TEST_F(Tls, OldVersionsAreRefused) {
  const auto server = MustListen(options_, handler_);
  SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context_.get(), TLS1_1_VERSION);
  EXPECT_FALSE(HttpClient(server->port(), context_.get()).connected());
  SSL_CTX_set_max_proto_version(context_.get(), TLS1_2_VERSION);
  EXPECT_TRUE(HttpClient(server->port(), context_.get()).connected());
}

TEST_F(Tls, ClientsThatLeaveAreNoticed) {
  std::atomic<int> closed = 0;
  handler_.handle = [&](const Request&, Exchange& exchange) {
    exchange.OnClosed([&] { ++closed; });
    exchange.Begin({});
    EXPECT_TRUE(Eventually([&] { return !exchange.Write("x"); }));
  };
  const auto server = MustListen(options_, handler_);
  HttpClient client(server->port(), context_.get());
  client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(client.ReadUntil("\r\n\r\n"));
  client.Close();
  EXPECT_TRUE(Eventually([&] { return server->counts().connections == 0; }));
  EXPECT_EQ(closed, 1);
}

TEST_F(Tls, UnusableFilesAreNamed) {
  const auto listen = [&](const std::string& certificate, const std::string& key) {
    ServerOptions options = options_;
    options.certificate = certificate.empty() ? "" : folder_ / certificate;
    options.key = key.empty() ? "" : folder_ / key;
    return Server::Listen(options, handler_);
  };
  ExpectError(listen("missing", "key"), "missing");
  ExpectError(listen("cert", "missing"), "missing");
  ExpectError(listen("key", "key"), {"certificate", "/key"});
  ExpectError(listen("cert", "cert"), {"key", "/cert"});
  ExpectError(listen("cert", "other"), {"/other", "key"});
  ExpectError(listen("cert", "locked"), "/locked");
  ExpectError(listen("cert", ""), {"/cert", "key"});
  ExpectError(listen("", "key"), {"/key", "certificate"});
}

}  // namespace
}  // namespace carat::net
