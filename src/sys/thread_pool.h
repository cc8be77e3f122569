// ThreadPool: the same small set of threads for every parallel step.
//
// Work is cut into numbered parts by the caller, in a way that does not depend on the number of
// threads, and every part is done by one thread from beginning to end. So results are the same, bit
// for bit, whatever the number of threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
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
  // `thread` in [0, threads()) tells apart scratch memory. Parts go to threads in contiguous runs.
  // `work` must not throw and must not call Run.
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
  void DoShare(int thread) const;

  std::vector<std::thread> workers_;
  const void* work_ = nullptr;  // of this round: what to call, and how
  Call call_ = nullptr;
  size_t parts_ = 0;
  std::atomic<uint32_t> round_ = 0;    // goes up by one when work is there
  std::atomic<uint32_t> pending_ = 0;  // workers that have not finished this round
  std::atomic<bool> stop_ = false;
};

}  // namespace carat
