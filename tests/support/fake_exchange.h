// FakeExchange: what a handler sends, kept for a test, and a client that goes away when told to.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/server.h"

namespace carat {

class FakeExchange : public net::Exchange {
 public:
  void Send(net::Reply reply) override {
    const std::scoped_lock lock(mutex_);
    sent = true;
    reply_ = std::move(reply);
  }
  bool Begin(net::Reply head) override {
    const std::scoped_lock lock(mutex_);
    began = true;
    reply_ = std::move(head);
    return !gone_;
  }
  bool Write(std::string_view piece) override {
    const std::scoped_lock lock(mutex_);
    if (!gone_) reply_.body += piece;
    return !gone_;
  }
  void End() override { ended = true; }
  // Waits for one that is being called, as the server's does.
  void OnClosed(std::function<void()> closed) override {
    const std::scoped_lock lock(closed_mutex_);
    closed_ = std::move(closed);
  }

  // The client goes away.
  void Close() {
    {
      const std::scoped_lock lock(mutex_);
      gone_ = true;
    }
    const std::scoped_lock lock(closed_mutex_);
    if (closed_) closed_();
  }

  // Of Send, or of Begin with all that was written since. After the handler has returned.
  const net::Reply& reply() const { return reply_; }
  std::string Field(std::string_view name) const {
    for (const auto& [key, value] : reply_.fields) {
      if (key == name) return value;
    }
    return "";
  }

  bool sent = false, began = false, ended = false;

 private:
  std::mutex mutex_, closed_mutex_;
  net::Reply reply_;
  std::function<void()> closed_;
  bool gone_ = false;
};

}  // namespace carat
