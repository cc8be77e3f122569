// What all connections of a server share.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/handler_pool.h"
#include "net/limits.h"
#include "net/reply_head.h"
#include "net/server.h"

namespace carat::net {

struct Core {
  Core(const Limits& all_limits, Handler& owner)
      : limits(all_limits), handler(owner), pool(limits.handler_threads, limits.waiting_requests) {}

  const Limits limits;
  Handler& handler;
  HandlerPool pool;
  std::atomic<bool> stopping = false;
  std::atomic<size_t> body_bytes = 0;  // in memory now, against limits.body_bytes_in_all
  std::atomic<uint64_t> accepted = 0, requests = 0, refused = 0, slow = 0, broken = 0;
};

// The handler's refusal, counted. It comes also where the handler throws.
std::string RefusalText(Core& core, int status, std::string_view what, const AnswerTerms& terms);

// A part of Core::body_bytes, given back at the end.
class BodyShare {
 public:
  explicit BodyShare(Core& core) : core_(core) {}
  BodyShare(const BodyShare&) = delete;
  BodyShare& operator=(const BodyShare&) = delete;
  ~BodyShare() { core_.body_bytes -= bytes_; }

  // False: there is no room for so many, and nothing has changed.
  bool Grow(size_t bytes) {
    const size_t more = bytes - bytes_;
    size_t all = core_.body_bytes;
    do {
      if (more > 0 && all + more > core_.limits.body_bytes_in_all) return false;
    } while (!core_.body_bytes.compare_exchange_weak(all, all + more));
    bytes_ = bytes;
    return true;
  }

 private:
  Core& core_;
  size_t bytes_ = 0;
};

}  // namespace carat::net
