#include "net/message.h"

namespace carat::net {

std::optional<std::string_view> RequestHead::Field(std::string_view name) const {
  std::optional<std::string_view> found;
  for (const auto& [field, value] : fields) {
    if (field != name) continue;
    if (found) return std::nullopt;
    found = value;
  }
  return found;
}

}  // namespace carat::net
