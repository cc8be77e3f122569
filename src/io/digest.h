// SHA-256 and SHA-1 (FIPS 180-4) by OpenSSL's libcrypto, which uses the processor's instructions
// for them. SHA-1 only because Git and the Hub name small files by it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace carat {

// A digest under way. Move-only; one owner thread.
class Digest {
 public:
  enum class Kind { kSha256, kSha1 };
  explicit Digest(Kind kind = Kind::kSha256);
  Digest(Digest&& other) noexcept;
  Digest& operator=(Digest&& other) noexcept;
  ~Digest();

  void Add(std::span<const std::byte> bytes);
  // What was added, as 64 or 40 lower-case hexadecimal digits. Ends the digest.
  std::string Hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string Sha256Hex(std::span<const std::byte> bytes);

// HMAC-SHA-256 (RFC 2104) as 64 lower-case hexadecimal digits.
std::string HmacSha256Hex(std::string_view key, std::string_view text);

// Whether a text is a digest as Hex gives it.
bool IsDigest(Digest::Kind kind, std::string_view text);

}  // namespace carat
