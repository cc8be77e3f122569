#include "apps/places.h"

#include <cstdlib>

namespace carat {
namespace {

std::filesystem::path Place(const char* variable, const char* usual) {
  const auto get = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? std::filesystem::path(value) : std::filesystem::path();
  };
  if (const auto home = get("CARAT_HOME"); !home.empty()) return home;
  if (const auto place = get(variable); !place.empty()) return place / "carat";
  const auto home = get("HOME");
  return (home.empty() ? std::filesystem::path(".") : home) / usual / "carat";
}

}  // namespace

std::filesystem::path ConfigFolder() { return Place("XDG_CONFIG_HOME", ".config"); }
Status MakeFolder(const std::filesystem::path& folder) {
  std::error_code failed;
  const bool made = std::filesystem::create_directories(folder, failed);
  if (made) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failed);
  if (!failed) return {};
  return Fail({.code = ErrorCode::kIo,
               .what = "the folder can't be made: " + failed.message(),
               .where = folder.string()});
}

std::filesystem::path DataFolder() { return Place("XDG_DATA_HOME", ".local/share"); }
std::filesystem::path StateFolder() { return Place("XDG_STATE_HOME", ".local/state"); }

}  // namespace carat
