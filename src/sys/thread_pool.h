// ThreadPool: the same small set of threads for every parallel step.
//
// Work is cut into numbered parts by the caller, and every part is done by one thread from
// beginning to end, so that results are the same, bit for bit, whatever the number of threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace carat {

// One caller at a time (the thread that owns the model); the caller takes part in the work.
class ThreadPool {
 public:
  // `threads` >= 1 counts the caller; threads - 1 are started here and live until destruction.
  // Where the system refuses one, the pool works with those that it has: see threads().
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls work(part, thread) once for every part in [0, parts) and returns when all are done.
  // `thread` in [0, threads()) tells apart scratch memory. Each thread begins with a run of
  // neighbouring parts, in their order; one that is done takes parts from the end of another's run,
  // since processors differ in speed and are shared. `work` must not throw and must not call Run.
  template <class Work>
  void Run(size_t parts, const Work& work) {
    RunErased(parts, &work, [](const void* erased, size_t part, int thread) {
      (*static_cast<const Work*>(erased))(part, thread);
    });
  }

 private:
  using Call = void (*)(const void* work, size_t part, int thread);

  void RunErased(size_t parts, const void* work, Call call);
  void WorkerLoop(int thread);
  void DoShares(int thread);

  // Parts that no thread has taken yet: the first in the upper half, the end in the lower.
  struct alignas(64) Share {
    std::atomic<uint64_t> left = 0;
    bool Take(bool from_end, size_t& part);
  };

  std::vector<std::thread> workers_;
  const void* work_ = nullptr;  // of this round: what to call, and how
  Call call_ = nullptr;
  std::unique_ptr<Share[]> shares_;    // of each thread
  std::atomic<uint32_t> round_ = 0;    // goes up by one when work is there
  std::atomic<uint32_t> pending_ = 0;  // workers that have not finished this round
  std::atomic<bool> stop_ = false;
};

}  // namespace carat
