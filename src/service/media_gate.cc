#include "service/media_gate.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "media/limits.h"

namespace carat {
namespace {

constexpr std::chrono::milliseconds kLook{100};

}  // namespace

MediaGate::Turn::Turn(Turn&& other) noexcept
    : gate_(std::exchange(other.gate_, nullptr)), owner_(std::move(other.owner_)) {}

MediaGate::Turn::~Turn() {
  if (gate_ == nullptr) return;
  {
    const std::lock_guard lock(gate_->mutex_);
    --gate_->turns_[owner_];
  }
  gate_->free_.notify_all();
}

Result<MediaGate::Turn> MediaGate::Wait(const std::string& owner,
                                        const std::function<bool(double)>& goes_on) {
  std::unique_lock lock(mutex_);
  turns_.try_emplace(owner, 0);
  const auto all = [&] {
    const size_t most = turns_.size() == 1 ? kMaxDecoders : std::max(1, kMaxDecoders - 1);
    return turns_[owner] >= most;
  };
  while (all()) {
    free_.wait_for(lock, kLook);
    lock.unlock();
    const bool wanted = !goes_on || goes_on(0);
    lock.lock();
    if (!wanted) return Fail({.code = ErrorCode::kCancelled, .what = "cancelled"});
  }
  ++turns_[owner];
  return Turn(*this, owner);
}

Status MediaGate::Grow(Share& share, size_t bytes) const {
  size_t all = *held_;
  do {
    if (all > share.bytes_ && all + bytes > most_bytes_) {
      return Fail({.code = ErrorCode::kBusy,
                   .what = "requests before this hold as much media as carat keeps at one time",
                   .wanted = "another try later"});
    }
  } while (!held_->compare_exchange_weak(all, all + bytes));
  share.bytes_ += bytes;
  return {};
}

}  // namespace carat
