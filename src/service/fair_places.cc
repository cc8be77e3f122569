#include "service/fair_places.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace carat {
namespace {

constexpr std::chrono::milliseconds kLook{100};

}  // namespace

FairPlaces::Place::Place(Place&& other) noexcept
    : of_(std::exchange(other.of_, nullptr)), owner_(std::move(other.owner_)) {}

FairPlaces::Place::~Place() {
  if (of_ == nullptr) return;
  {
    const std::lock_guard lock(of_->mutex_);
    --of_->owners_[owner_];
    --of_->taken_;
  }
  of_->free_.notify_all();
}

Result<FairPlaces::Place> FairPlaces::Wait(const std::string& owner,
                                           const std::function<bool(double)>& goes_on) {
  std::unique_lock lock(mutex_);
  size_t& own = owners_[owner];
  const auto free = [&] {
    const size_t most = shared_ ? std::max<size_t>(1, places_ - 1) : places_;
    return taken_ < places_ && own < most;
  };
  while (!free()) {
    free_.wait_for(lock, kLook);
    lock.unlock();
    const bool wanted = !goes_on || goes_on(0);
    lock.lock();
    if (!wanted) return Fail({.code = ErrorCode::kCancelled, .what = "cancelled"});
  }
  ++own;
  ++taken_;
  return Place(*this, owner);
}

}  // namespace carat
