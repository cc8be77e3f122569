// What a pulled model takes of this machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "engine/plan.h"

namespace carat {

// In bytes.
struct PullNeeds {
  uint64_t bundle = 0;  // of disk, beside the files that it is made of
  ModelMemory model = {};
  size_t session = 0;  // with a short conversation
  size_t memory = 0;   // all of it, and what stays free for others
};

// The room that a file which is being pulled to `target` has on the disk, from its beginning on.
uint64_t ReservedBytes(const std::filesystem::path& target);

// Of files of `total` bytes, where `available` bytes of memory are free.
PullNeeds NeedsOf(uint64_t total, size_t available);

}  // namespace carat
