// HeldMedia: how much decoded media the answers hold that wait or are written.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "base/result.h"

namespace carat {

// Thread-safe; its shares may outlive it.
class HeldMedia {
 public:
  explicit HeldMedia(size_t most_bytes) : most_bytes_(most_bytes) {}

  // Bytes of one request, given back when the share dies. One owner thread.
  class Share {
   public:
    explicit Share(std::shared_ptr<std::atomic<size_t>> held) : held_(std::move(held)) {}
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() { *held_ -= bytes_; }

   private:
    friend class HeldMedia;
    const std::shared_ptr<std::atomic<size_t>> held_;
    size_t bytes_ = 0;
  };
  std::shared_ptr<Share> NewShare() const { return std::make_shared<Share>(held_); }
  // kBusy where others hold so much that these do not fit beside them. Alone a request may be as
  // large as its prompt.
  Status Grow(Share& share, size_t bytes) const;

 private:
  const size_t most_bytes_;
  const std::shared_ptr<std::atomic<size_t>> held_ = std::make_shared<std::atomic<size_t>>(0);
};

}  // namespace carat
