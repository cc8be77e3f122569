#include "net/handler_pool.h"

#include <system_error>
#include <utility>

namespace carat::net {

HandlerPool::HandlerPool(size_t most_threads, size_t most_waiting)
    : most_threads_(most_threads), most_waiting_(most_waiting) {}

HandlerPool::~HandlerPool() { Stop(); }

bool HandlerPool::Post(Job job) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return false;
  // Threads that are free, or about to be because they have not begun yet.
  const bool free = running_ + waiting_.size() < threads_.size();
  if (!free && threads_.size() < most_threads_) {
    try {
      threads_.emplace_back([this] { Work(); });
    } catch (const std::system_error&) {
      if (threads_.empty()) return false;  // else those that are there take it in time
    }
  }
  if (running_ + waiting_.size() >= threads_.size() + most_waiting_) return false;
  waiting_.push_back(std::move(job));
  more_.notify_one();
  return true;
}

size_t HandlerPool::running() const {
  const std::lock_guard lock(mutex_);
  return running_;
}

void HandlerPool::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    more_.wait(lock, [&] { return stopped_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    ++running_;
    lock.unlock();
    job();
    job = nullptr;  // what it holds is let go here, not under the lock
    lock.lock();
    --running_;
  }
}

void HandlerPool::Stop() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    threads.swap(threads_);
  }
  more_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace carat::net
