// What a handler thread has written of one answer and its connection has not sent yet. Thread-safe:
// the upper half is for the handler's thread, the lower one for the connection's.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace carat::net {

class Outbox {
 public:
  using Clock = std::chrono::steady_clock;
  // How the answer ended, as far as it was written.
  enum class End {
    kOpen,       // not yet
    kKeepAlive,  // another request may follow
    kClose,      // the connection's end belongs to it, or is wished
    kBroken,     // in the middle: the client must see that
  };

  // `wake`: Take has something to give again. It is called in any thread, with no lock held.
  Outbox(size_t most_bytes, std::function<void()> wake);

  // Waits until there is room. False: the client is gone, or has not made room until the deadline;
  // it counts as gone then.
  bool Put(std::string_view bytes, Clock::time_point deadline);
  // Without waiting, however much it is; `end` says what follows.
  void PutNow(std::string_view bytes, End end = End::kOpen);
  bool gone() const;
  // As Exchange::OnClosed. Detach: not called any more once it has returned.
  void OnClosed(std::function<void()> closed);
  void Detach();

  struct Next {
    std::string bytes;
    End end = End::kOpen;
    bool stalled = false;  // a Put has waited in vain
  };
  // All that is there. Where that is nothing, `wake` is called as soon as there is something.
  Next Take();
  // The answer has come to its end, and Take has given all of it.
  bool ended() const;
  // Of those bytes so many are the system's now.
  void Sent(size_t bytes);
  // The client is gone: writers return, and the handler's `closed` is called unless it has ended.
  void Abandon();

 private:
  void Wake(std::unique_lock<std::mutex> lock);

  const size_t most_bytes_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::string queued_;
  size_t unsent_ = 0;  // queued_ and what was taken
  End end_ = End::kOpen;
  bool idle_ = true;  // Take gave nothing, or was not called yet
  bool gone_ = false, stalled_ = false;

  // Apart from mutex_, and held while `closed_` runs, so that Detach waits for it.
  std::mutex closed_mutex_;
  std::function<void()> closed_;
  bool abandoned_ = false;
};

}  // namespace carat::net
