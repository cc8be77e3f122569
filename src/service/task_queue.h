// TaskQueue: what waits for the model, fair between owners.
//
// Whose turn it is: interactive work before background work, then the owner who has had the least
// of the model's time, then who came first. An owner who comes back after a pause is put level with
// the others, so that nobody saves up (start-time fair queueing: Goyal, Vin and Cheng, 1996).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "service/task.h"

namespace carat {

// Not thread-safe.
class TaskQueue {
 public:
  void Push(std::unique_ptr<Task> task);
  // Takes out the task whose turn it is, of those that may begin; null if there is none.
  // `interactive`: no background work. `not_of`: an owner who has enough; empty: none.
  std::unique_ptr<Task> Next(bool interactive = false, const std::string& not_of = {});
  bool HasDue() const;

  // Of the model's time, for an owner.
  void Charge(const std::string& owner, double seconds);
  // Takes out those that will never answer.
  std::vector<std::unique_ptr<Task>> TakeHopeless();
  std::vector<std::unique_ptr<Task>> TakeAll();

  // Places for tasks that will come, or will not.
  void Reserve(const std::string& owner, size_t places);
  void Release(const std::string& owner, size_t places);

  size_t size() const { return size_; }
  // With what is reserved.
  size_t Places() const { return size_ + reserved_; }
  size_t PlacesOf(const std::string& owner) const;

 private:
  struct Owner {
    double served_s = 0;  // on the common clock
    std::deque<std::unique_ptr<Task>> waiting;
    size_t reserved = 0;
  };
  std::map<std::string, Owner> owners_;
  double clock_s_ = 0;  // of whoever was last served
  size_t size_ = 0, reserved_ = 0;
};

}  // namespace carat
