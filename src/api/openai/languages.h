// Names of languages.
#pragma once

#include <optional>
#include <string_view>

namespace carat {

// The English name by ISO 639-1 code ("de") or by itself ("German", in any case); absent: neither.
std::optional<std::string_view> LanguageName(std::string_view text);

}  // namespace carat
