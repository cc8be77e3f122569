// The open connections of a server, and who may open another one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/connection.h"
#include "net/limits.h"

namespace carat::net {

// Thread-safe.
class Registry {
 public:
  explicit Registry(const Limits& limits) : limits_(limits) {}  // borrows

  enum class Verdict {
    kWelcome,
    kTooMany,  // it may stay for as long as it takes to tell it so
    kNo,
  };
  // Of one more connection from that address, for which the one may have to go that has asked for
  // nothing for the longest time: of the same address where that has as many as it may. It counts
  // from now on unless the verdict is kNo.
  Verdict Enter(const std::string& address);
  void Add(uint64_t id, const std::string& address, std::shared_ptr<Connection> connection);
  void Leave(uint64_t id, const std::string& address);

  size_t size() const;
  std::vector<std::shared_ptr<Connection>> All() const;
  // False: there were still some at that time.
  bool WaitUntilEmpty(std::chrono::steady_clock::time_point until);

 private:
  struct Open {
    std::string address;
    std::shared_ptr<Connection> connection;
  };
  bool MakeRoom(const std::string& address);

  const Limits& limits_;
  mutable std::mutex mutex_;
  std::condition_variable empty_;
  size_t num_entered_ = 0;
  std::map<std::string, size_t> by_address_;
  std::unordered_map<uint64_t, Open> connections_;
};

}  // namespace carat::net
