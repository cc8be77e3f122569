// The threads that run handlers: made when they are needed, up to a number, and kept.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace carat::net {

// Thread-safe.
class HandlerPool {
 public:
  using Job = std::function<void()>;  // does not throw

  HandlerPool(size_t most_threads, size_t most_waiting);
  HandlerPool(const HandlerPool&) = delete;
  HandlerPool& operator=(const HandlerPool&) = delete;
  ~HandlerPool();

  // False: all threads work and enough jobs wait, or it is stopped.
  bool Post(Job job);
  size_t running() const;
  // Runs what waits, and returns when no thread is left.
  void Stop();

 private:
  void Work();

  const size_t most_threads_, most_waiting_;
  mutable std::mutex mutex_;
  std::condition_variable more_;
  std::deque<Job> waiting_;
  std::vector<std::thread> threads_;
  size_t running_ = 0;
  bool stopped_ = false;
};

}  // namespace carat::net
