#include "sys/thread_pool.h"

#include <system_error>

#include "base/check.h"

namespace carat {
namespace {

// A decode step has hundreds of short rounds. Looking for a moment before sleeping keeps the time
// between two of them in the microseconds; longer would take the processor away from others.
constexpr int kSpins = 2000;

template <class Done>
bool Spin(const Done& done) {
  for (int i = 0; i < kSpins; ++i) {
    if (done()) return true;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  return done();
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  CARAT_CHECK(threads >= 1);
  shares_ = std::make_unique<Share[]>(static_cast<size_t>(threads));
  try {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { WorkerLoop(i); });
  } catch (const std::system_error&) {
    return;  // no more threads, or no memory for their stacks
  }
}

ThreadPool::~ThreadPool() {
  stop_.store(true);
  round_.fetch_add(1);
  round_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

bool ThreadPool::Share::Take(bool from_end, size_t& part) {
  uint64_t seen = left.load(std::memory_order_relaxed);
  for (;;) {
    const uint64_t first = seen >> 32, end = seen & UINT32_MAX;
    if (first == end) return false;
    part = static_cast<size_t>(from_end ? end - 1 : first);
    const uint64_t rest = from_end ? seen - 1 : seen + (uint64_t{1} << 32);
    if (left.compare_exchange_weak(seen, rest, std::memory_order_relaxed)) return true;
  }
}

// A thread's own share, then what is left of the others'.
void ThreadPool::DoShares(int thread) {
  const int n = threads();
  size_t part = 0;
  for (int i = 0; i < n; ++i) {
    Share& share = shares_[static_cast<size_t>((thread + i) % n)];
    while (share.Take(i > 0, part)) call_(work_, part, thread);
  }
}

void ThreadPool::WorkerLoop(int thread) {
  uint32_t seen = 0;
  for (;;) {
    if (!Spin([&] { return round_.load(std::memory_order_acquire) != seen; })) {
      round_.wait(seen, std::memory_order_acquire);
    }
    seen = round_.load(std::memory_order_acquire);
    if (stop_.load()) return;
    DoShares(thread);
    if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) pending_.notify_one();
  }
}

void ThreadPool::RunErased(size_t parts, const void* work, Call call) {
  if (workers_.empty() || parts <= 1) {
    for (size_t part = 0; part < parts; ++part) call(work, part, 0);
    return;
  }
  CARAT_CHECK(parts <= UINT32_MAX);
  work_ = work;
  call_ = call;
  const auto n = static_cast<size_t>(threads());
  for (size_t t = 0; t < n; ++t)
    shares_[t].left.store(parts * t / n << 32 | parts * (t + 1) / n, std::memory_order_relaxed);
  pending_.store(static_cast<uint32_t>(workers_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  DoShares(0);
  const auto done = [&] { return pending_.load(std::memory_order_acquire) == 0; };
  while (!Spin(done)) {
    const uint32_t left = pending_.load(std::memory_order_acquire);
    if (left != 0) pending_.wait(left, std::memory_order_acquire);
  }
}

}  // namespace carat
