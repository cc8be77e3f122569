#include "sys/executable.h"

#include <system_error>

namespace carat {

std::filesystem::path ExecutableFolder() {
  std::error_code failed;
  const std::filesystem::path file = std::filesystem::read_symlink("/proc/self/exe", failed);
  return failed ? std::filesystem::path() : file.parent_path();
}

}  // namespace carat
