// ModelThread: the one thread that runs the model, for all answers together.
//
// Round by round: who is cancelled goes, who waits gets a free cache, one slice of one prompt is
// read, and one pass decodes a token, and what was drafted behind it, for every answer that is
// being written. While answers are written a slice takes about as long as such a pass, so that
// reading and writing share the machine and no stream stalls for long.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "service/cache_pool.h"
#include "service/service.h"
#include "service/task_queue.h"

namespace carat {

class ModelThread {
 public:
  ModelThread(Engine& engine, std::vector<Session> sessions, const ServiceOptions& options);
  ~ModelThread();  // as Stop
  ModelThread(const ModelThread&) = delete;
  ModelThread& operator=(const ModelThread&) = delete;

  // Thread-safe, as Stop and status are.
  // Places in the queue; kBusy where there are not so many. Given back by Release or Submit.
  Status Reserve(const std::string& owner, size_t places);
  void Release(const std::string& owner, size_t places);
  // Into places that were reserved. kBusy where it stops.
  Status Submit(std::vector<std::unique_ptr<Task>> choices);
  // Cancels everything; the thread ends.
  void Stop();
  ServiceStatus status() const;

 private:
  struct Running {
    CacheSlot* slot;
    std::unique_ptr<Task> task;
  };

  void Loop();
  bool WaitForWork();
  void DropCancelled();
  void Admit();
  void Retire();
  std::string OnlyOwner() const;
  void ReadSlice();
  void DecodeRound();
  void Reread();
  Pos SliceSize() const;
  void Publish();

  Engine& engine_;
  const ServiceOptions options_;
  const Pos chunk_;
  const size_t cache_bytes_;  // when all are full

  mutable std::mutex mutex_;
  std::condition_variable work_;
  TaskQueue queue_;         // under the mutex
  bool stop_ = false;       // likewise
  ServiceStatus status_;    // likewise
  double published_s_ = 0;  // likewise: Now() of status_

  // Of the thread alone.
  CachePool pool_;
  std::vector<Running> running_;
  size_t next_reader_ = 0;
  double pass_s_ = 0;      // of decoding, about
  double position_s_ = 0;  // of a prompt, about
  ServiceStatus counts_;   // what goes into status_

  std::once_flag stopped_;
  std::thread thread_;
};

}  // namespace carat
