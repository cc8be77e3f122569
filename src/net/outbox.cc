#include "net/outbox.h"

#include <utility>

namespace carat::net {

Outbox::Outbox(size_t most_bytes, std::function<void()> wake)
    : most_bytes_(most_bytes), wake_(std::move(wake)) {}

void Outbox::Wake(std::unique_lock<std::mutex> lock) {
  const bool idle = std::exchange(idle_, false);
  lock.unlock();
  if (idle) wake_();
}

bool Outbox::Put(std::string_view bytes, Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  const auto ready = [&] { return gone_ || unsent_ == 0 || unsent_ + bytes.size() <= most_bytes_; };
  if (!room_.wait_until(lock, deadline, ready)) {
    gone_ = stalled_ = idle_ = true;  // it is no idle one, but has to hear of this
    Wake(std::move(lock));
    return false;
  }
  if (gone_) return false;
  queued_.append(bytes);
  unsent_ += bytes.size();
  Wake(std::move(lock));
  return true;
}

void Outbox::PutNow(std::string_view bytes, End end) {
  std::unique_lock lock(mutex_);
  if (gone_) return;
  queued_.append(bytes);
  unsent_ += bytes.size();
  end_ = end;
  Wake(std::move(lock));
}

bool Outbox::gone() const {
  const std::lock_guard lock(mutex_);
  return gone_;
}

void Outbox::OnClosed(std::function<void()> closed) {
  const std::lock_guard lock(closed_mutex_);
  if (abandoned_) {
    if (closed) closed();
  } else {
    closed_ = std::move(closed);
  }
}

void Outbox::Detach() {
  const std::lock_guard lock(closed_mutex_);
  closed_ = nullptr;
}

Outbox::Next Outbox::Take() {
  const std::lock_guard lock(mutex_);
  Next next{.bytes = std::exchange(queued_, {}), .end = end_, .stalled = stalled_};
  idle_ = next.bytes.empty() && end_ == End::kOpen && !stalled_;
  return next;
}

bool Outbox::ended() const {
  const std::lock_guard lock(mutex_);
  return end_ != End::kOpen && queued_.empty();
}

void Outbox::Sent(size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    unsent_ -= bytes;
  }
  room_.notify_all();
}

void Outbox::Abandon() {
  bool ended = false;
  {
    const std::lock_guard lock(mutex_);
    ended = end_ != End::kOpen;
    gone_ = true;
    queued_.clear();
  }
  room_.notify_all();
  if (ended) return;
  const std::lock_guard lock(closed_mutex_);
  abandoned_ = true;
  if (const auto closed = std::exchange(closed_, nullptr)) closed();
}

}  // namespace carat::net
