#include "apps/pull_needs.h"

#include <sys/stat.h>

#include "engine/session.h"

namespace carat {

uint64_t ReservedBytes(const std::filesystem::path& target) {
  uint64_t bytes = 0;
  for (const char* const ending : {"", ".part"}) {
    struct stat info{};
    if (::stat((target.string() + ending).c_str(), &info) == 0)
      bytes += static_cast<uint64_t>(info.st_blocks) * 512;
  }
  return bytes;
}

PullNeeds NeedsOf(uint64_t total, size_t available) {
  PullNeeds needs{.bundle = total + total / 20, .model = {.weights = static_cast<size_t>(total)}};
  needs.session = MemoryOfSession(ConfigOf12B(), true, SessionOptions(), kLeastContext).needed();
  needs.memory = needs.model.total() + needs.session + Spare(available);
  return needs;
}

}  // namespace carat
