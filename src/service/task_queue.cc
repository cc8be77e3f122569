#include "service/task_queue.h"

#include <algorithm>
#include <tuple>

namespace carat {

void TaskQueue::Push(std::unique_ptr<Task> task) {
  Owner& owner = owners_[task->owner()];
  if (owner.waiting.empty()) owner.served_s = std::max(owner.served_s, clock_s_);
  owner.waiting.push_back(std::move(task));
  ++size_;
}

namespace {

// Of one owner: interactive work first, then who came first.
auto FirstDue(std::deque<std::unique_ptr<Task>>& waiting) {
  auto first = waiting.end();
  for (auto task = waiting.begin(); task != waiting.end(); ++task) {
    if (!(*task)->due()) continue;
    if (!(*task)->prepared().background) return task;
    if (first == waiting.end()) first = task;
  }
  return first;
}

}  // namespace

std::unique_ptr<Task> TaskQueue::Next(bool interactive, const std::string& not_of) {
  Owner* best = nullptr;
  std::deque<std::unique_ptr<Task>>::iterator task;
  const auto rank = [](const Owner& owner, const Task& first) {
    return std::tuple(first.prepared().background, owner.served_s, first.submitted_s());
  };
  for (auto& [name, owner] : owners_) {
    const auto first = FirstDue(owner.waiting);
    if (first == owner.waiting.end() || (!not_of.empty() && name == not_of)) continue;
    if (interactive && (*first)->prepared().background) continue;
    if (best != nullptr && rank(*best, **task) <= rank(owner, **first)) continue;
    best = &owner;
    task = first;
  }
  if (best == nullptr) return nullptr;
  std::unique_ptr<Task> taken = std::move(*task);
  best->waiting.erase(task);
  clock_s_ = std::max(clock_s_, best->served_s);
  --size_;
  return taken;
}

bool TaskQueue::HasDue() const {
  return std::ranges::any_of(owners_, [](const auto& owner) {
    return std::ranges::any_of(owner.second.waiting, [](const auto& task) { return task->due(); });
  });
}

void TaskQueue::Charge(const std::string& owner, double seconds) {
  if (const auto found = owners_.find(owner); found != owners_.end())
    found->second.served_s += seconds;
}

std::vector<std::unique_ptr<Task>> TaskQueue::TakeHopeless() {
  std::vector<std::unique_ptr<Task>> taken;
  for (auto& [name, owner] : owners_) {
    for (auto& task : owner.waiting)
      if (task->hopeless()) taken.push_back(std::move(task));
    std::erase(owner.waiting, nullptr);
  }
  size_ -= taken.size();
  return taken;
}

std::vector<std::unique_ptr<Task>> TaskQueue::TakeAll() {
  std::vector<std::unique_ptr<Task>> taken;
  for (auto& [name, owner] : owners_) {
    for (auto& task : owner.waiting) taken.push_back(std::move(task));
    owner.waiting.clear();
  }
  size_ = 0;
  return taken;
}

void TaskQueue::Reserve(const std::string& owner, size_t places) {
  owners_[owner].reserved += places;
  reserved_ += places;
}

void TaskQueue::Release(const std::string& owner, size_t places) {
  owners_[owner].reserved -= places;
  reserved_ -= places;
}

size_t TaskQueue::PlacesOf(const std::string& owner) const {
  const auto found = owners_.find(owner);
  return found == owners_.end() ? 0 : found->second.waiting.size() + found->second.reserved;
}

}  // namespace carat
