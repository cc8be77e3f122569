#include "sys/memory.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

namespace carat {
namespace {

namespace fs = std::filesystem;

// What the two versions of control groups call the same things.
struct Names {
  std::string_view limit, used, inactive, active;
};
constexpr Names kV1 = {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file",
                       "total_active_file"};
constexpr Names kV2 = {"memory.max", "memory.current", "inactive_file", "active_file"};

std::optional<size_t> Number(const fs::path& path) {
  std::ifstream file(path);
  size_t number = 0;
  if (file >> number) return number;
  return std::nullopt;  // not there, or "max"
}

// The number after `name` in lines of a name and a number.
std::optional<size_t> Entry(const fs::path& path, std::string_view name) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string word;
    size_t number = 0;
    if (words >> word >> number && word == name) return number;
  }
  return std::nullopt;
}

// What one group leaves. Pages of files count as used, and are given back when others are needed.
size_t RoomOfGroup(const fs::path& folder, const Names& names) {
  const auto limit = Number(folder / names.limit), used = Number(folder / names.used);
  if (!limit || !used) return SIZE_MAX;
  const fs::path stat = folder / "memory.stat";
  const size_t files =
      Entry(stat, names.inactive).value_or(0) + Entry(stat, names.active).value_or(0);
  const size_t held = *used - std::min(*used, files);
  return *limit - std::min(*limit, held);
}

// The least room of the group at `path` below `mount` and of those above it. Inside a container the
// path may be the host's: then what is seen at the mount holds.
size_t RoomOfGroups(const fs::path& mount, fs::path path, const Names& names) {
  size_t room = SIZE_MAX;
  for (path = path.relative_path();; path = path.parent_path()) {
    room = std::min(room, RoomOfGroup(mount / path, names));
    if (path.empty()) return room;
  }
}

}  // namespace

size_t AvailableMemory(const fs::path& root) {
  size_t room = SIZE_MAX;
  if (const auto kibibytes = Entry(root / "proc/meminfo", "MemAvailable:"))
    room = *kibibytes * 1024;
  std::ifstream groups(root / "proc/self/cgroup");
  const fs::path mount = root / "sys/fs/cgroup";
  std::string line;
  while (std::getline(groups, line)) {  // number:controllers:path
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1);
    if (controllers == ",,") room = std::min(room, RoomOfGroups(mount, path, kV2));
    if (controllers.find(",memory,") != std::string::npos)
      room = std::min(room, RoomOfGroups(mount / "memory", path, kV1));
  }
  return room;
}

}  // namespace carat
