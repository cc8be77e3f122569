#include "base/base64.h"

#include <algorithm>
#include <string>

namespace carat {
namespace {

int ValueOf(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

}  // namespace

Result<std::vector<uint8_t>> DecodeBase64(std::string_view text) {
  std::vector<uint8_t> bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t bits = 0;
  int letters = 0;
  bool padded = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n' || c == '\r' || c == ' ' || c == '\t') continue;
    if (c == '=') {
      padded = true;
      continue;
    }
    const int value = ValueOf(c);
    if (value < 0 || padded) {
      return Fail({.what = "not base64",
                   .where = "character " + std::to_string(i),
                   .wanted = "letters, digits, + and /"});
    }
    bits = bits << 6 | static_cast<uint32_t>(value);
    if (++letters % 4 == 0) {
      for (const int shift : {16, 8, 0}) bytes.push_back(static_cast<uint8_t>(bits >> shift));
    }
  }
  const int rest = letters % 4;
  if (rest == 1) return Fail({.what = "not base64: it is cut short"});
  if (rest > 1) bytes.push_back(static_cast<uint8_t>(bits >> (rest == 2 ? 4 : 10)));
  if (rest == 3) bytes.push_back(static_cast<uint8_t>(bits >> 2));
  return bytes;
}

std::string EncodeBase64(std::span<const uint8_t> bytes) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const auto byte = [&](size_t i) { return at + i < bytes.size() ? unsigned{bytes[at + i]} : 0; };
    const unsigned three = byte(0) << 16 | byte(1) << 8 | byte(2);
    const size_t letters = std::min<size_t>(3, bytes.size() - at) + 1;
    for (size_t i = 0; i < 4; ++i) out += i < letters ? kLetters[three >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

std::string EncodeBase64(std::string_view bytes) {
  return EncodeBase64({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

}  // namespace carat
