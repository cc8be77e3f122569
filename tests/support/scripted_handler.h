// A server's owner whose behaviour each test writes down.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "net/server.h"

namespace carat::net {

struct ScriptedHandler final : Handler {
  std::function<std::variant<size_t, Reply>(const RequestHead&)> admit = [](const RequestHead&) {
    return size_t{1} << 20;
  };
  std::function<void(const Request&, Exchange&)> handle = [](const Request& request,
                                                             Exchange& exchange) {
    exchange.Send({.content_type = "text/plain",
                   .body = request.head.method + " " + request.head.path + " " + request.body});
  };

  std::variant<size_t, Reply> Admit(const RequestHead& head) override { return admit(head); }
  void Handle(const Request& request, Exchange& exchange) override { handle(request, exchange); }
  Reply Refuse(int status, std::string_view what, std::string_view) override {
    return {.status = status, .content_type = "text/plain", .body = std::string(what)};
  }
  Fields AllAnswers() const override { return {{"X-All", "yes"}}; }
};

inline std::unique_ptr<Server> MustListen(ServerOptions options, Handler& handler) {
  auto server = Server::Listen(std::move(options), handler);
  EXPECT_TRUE(server.has_value()) << server.error().Message();
  return server.has_value() ? *std::move(server) : nullptr;
}

}  // namespace carat::net
