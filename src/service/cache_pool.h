// CachePool: the fixed number of caches that the memory plan has counted, and which of them the
// next conversation gets.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "engine/session.h"

namespace carat {

// A cache with what is kept in it.
struct CacheSlot {
  explicit CacheSlot(Session s) : session(std::move(s)) {}

  Session session;
  std::string owner;
  Prompt prompt;               // the last one that was read into it
  bool busy = false;           // somebody is being answered
  bool used = false;           // something is in it
  double used_s = 0;           // Now() when it became idle
  bool worth_reading = false;  // its answer is likely to be part of the next prompt
  std::optional<Reading> rereading;
};

// One owner thread. Slots never move.
class CachePool {
 public:
  CachePool(std::vector<Session> sessions, bool share);

  // The best idle slot for a prompt, made busy and holding the longest beginning of it that any
  // slot has, copied if need be; null if all are busy. Only timelines of the same owner are looked
  // at, unless prefixes are shared.
  CacheSlot* Take(const std::string& owner, const Prompt& prompt);
  void Give(CacheSlot& slot, bool worth_reading);

  std::vector<CacheSlot>& slots() { return slots_; }
  const std::vector<CacheSlot>& slots() const { return slots_; }
  size_t NumIdle() const;

 private:
  bool MayUse(const CacheSlot& slot, const std::string& owner) const;

  std::vector<CacheSlot> slots_;
  bool share_;
};

}  // namespace carat
