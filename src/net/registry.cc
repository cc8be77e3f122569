#include "net/registry.h"

#include <utility>

namespace carat::net {

Registry::Verdict Registry::Enter(const std::string& address) {
  const std::lock_guard lock(mutex_);
  if (num_entered_ >= limits_.connections + limits_.refused_connections) return Verdict::kNo;
  const auto found = by_address_.find(address);
  const size_t of_address = found == by_address_.end() ? 0 : found->second;
  const bool of_few = of_address < limits_.connections_per_address;
  const bool welcome =
      of_few ? num_entered_ < limits_.connections || MakeRoom({}) : MakeRoom(address);
  ++by_address_[address];
  ++num_entered_;
  return welcome ? Verdict::kWelcome : Verdict::kTooMany;
}

// Under the lock. The one chosen, of that address where one is given, closes soon; until then there
// is one connection more.
bool Registry::MakeRoom(const std::string& address) {
  std::shared_ptr<Connection> oldest;
  int64_t since = 0;
  for (const auto& [id, open] : connections_) {
    if (!address.empty() && open.address != address) continue;
    const int64_t unasked = open.connection->unasked_since();
    if (unasked != 0 && (!oldest || unasked < since)) {
      oldest = open.connection;
      since = unasked;
    }
  }
  if (oldest) oldest->CloseIfUnasked();
  return oldest != nullptr;
}

void Registry::Add(uint64_t id, const std::string& address,
                   std::shared_ptr<Connection> connection) {
  const std::lock_guard lock(mutex_);
  connections_.emplace(id, Open{address, std::move(connection)});
}

void Registry::Leave(uint64_t id, const std::string& address) {
  const std::lock_guard lock(mutex_);
  connections_.erase(id);
  --num_entered_;
  if (const auto found = by_address_.find(address); --found->second == 0) by_address_.erase(found);
  if (num_entered_ == 0) empty_.notify_all();
}

size_t Registry::size() const {
  const std::lock_guard lock(mutex_);
  return num_entered_;
}

std::vector<std::shared_ptr<Connection>> Registry::All() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Connection>> all;
  all.reserve(connections_.size());
  for (const auto& [id, open] : connections_) all.push_back(open.connection);
  return all;
}

bool Registry::WaitUntilEmpty(std::chrono::steady_clock::time_point until) {
  std::unique_lock lock(mutex_);
  return empty_.wait_until(lock, until, [&] { return num_entered_ == 0; });
}

}  // namespace carat::net
