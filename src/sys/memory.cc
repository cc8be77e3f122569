#include "sys/memory.h"

#include <cstdint>
#include <fstream>
#include <string>

namespace carat {

size_t AvailableMemory() {
  std::ifstream info("/proc/meminfo");
  std::string name, unit;
  size_t kibibytes = 0;
  while (info >> name >> kibibytes) {
    std::getline(info, unit);
    if (name == "MemAvailable:") return kibibytes * 1024;
  }
  return SIZE_MAX;
}

}  // namespace carat
