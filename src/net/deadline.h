// A time limit that can be set again: what was set before never runs afterwards.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

namespace carat::net {

// Used on one strand alone. The owner must keep it alive while it is armed, for example by what
// `late` holds.
class Deadline {
 public:
  explicit Deadline(const boost::asio::any_io_executor& strand) : timer_(strand) {}

  void Arm(int64_t ms, std::function<void()> late) {
    const uint64_t round = ++round_;
    timer_.expires_after(std::chrono::milliseconds(ms));
    timer_.async_wait([this, round, late = std::move(late)](boost::system::error_code error) {
      if (!error && round == round_) late();
    });
  }
  void Disarm() {
    ++round_;
    timer_.cancel();
  }

 private:
  boost::asio::steady_timer timer_;
  uint64_t round_ = 0;
};

}  // namespace carat::net
