#include "sys/ids.h"

#include <sys/random.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/check.h"

namespace carat {

std::string NewId(std::string_view prefix) {
  constexpr std::string_view kLetters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string id(prefix);
  const size_t length = id.size() + 24;
  while (id.size() < length) {
    std::array<uint8_t, 32> bytes{};
    // Never short for so few bytes, nor does it fail once the system has started.
    CARAT_CHECK(::getrandom(bytes.data(), bytes.size(), 0) == std::ssize(bytes));
    for (const uint8_t byte : bytes) {
      // 248 = 4 x 62: larger ones would make some letters likelier.
      if (byte < 248 && id.size() < length) id += kLetters[byte % kLetters.size()];
    }
  }
  return id;
}

}  // namespace carat
