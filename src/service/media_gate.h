// MediaGate: whose media are decoded now, and how much of what has been decoded is held.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"

namespace carat {

// Thread-safe. Must outlive its turns, but not its shares.
class MediaGate {
 public:
  // `most_bytes`: of decoded media that waiting and running answers hold, all together.
  explicit MediaGate(size_t most_bytes) : most_bytes_(most_bytes) {}

  // A turn at the decoders, which are few. Once there are several owners, none has all of them at
  // one time: one owner's films must not keep them from all others.
  class Turn {
   public:
    Turn(Turn&& other) noexcept;
    Turn& operator=(Turn&&) = delete;
    ~Turn();

   private:
    friend class MediaGate;
    Turn(MediaGate& gate, std::string owner) : gate_(&gate), owner_(std::move(owner)) {}
    MediaGate* gate_;  // null: moved from
    std::string owner_;
  };
  // Waits for one. `goes_on` is asked ten times a second; false ends the waiting with kCancelled.
  Result<Turn> Wait(const std::string& owner, const std::function<bool(double)>& goes_on);

  // Bytes of one request; given back when the share dies. One owner thread.
  class Share {
   public:
    explicit Share(std::shared_ptr<std::atomic<size_t>> held) : held_(std::move(held)) {}
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() { *held_ -= bytes_; }

   private:
    friend class MediaGate;
    std::shared_ptr<std::atomic<size_t>> held_;
    size_t bytes_ = 0;
  };
  std::shared_ptr<Share> NewShare() const { return std::make_shared<Share>(held_); }
  // kBusy where others hold so much that these do not fit beside them.
  Status Grow(Share& share, size_t bytes) const;

 private:
  const size_t most_bytes_;
  const std::shared_ptr<std::atomic<size_t>> held_ = std::make_shared<std::atomic<size_t>>(0);
  std::mutex mutex_;
  std::condition_variable free_;
  std::map<std::string, size_t> turns_;  // of every owner that came, now
};

}  // namespace carat
