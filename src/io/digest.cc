#include "io/digest.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/check.h"

namespace carat {

struct Digest::State {
  struct Free {
    void operator()(EVP_MD_CTX* owned) const { EVP_MD_CTX_free(owned); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context;
};

// None of these calls can fail but for want of memory, which ends carat anywhere.
Digest::Digest(Kind kind) : state_(std::make_unique<State>()) {
  state_->context.reset(EVP_MD_CTX_new());
  CARAT_CHECK(state_->context != nullptr);
  const EVP_MD* md = kind == Kind::kSha256 ? EVP_sha256() : EVP_sha1();
  CARAT_CHECK(EVP_DigestInit_ex(state_->context.get(), md, nullptr) == 1);
}
Digest::Digest(Digest&& other) noexcept = default;
Digest& Digest::operator=(Digest&& other) noexcept = default;
Digest::~Digest() = default;

void Digest::Add(std::span<const std::byte> bytes) {
  CARAT_CHECK(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
}

std::string Digest::Hex() {
  unsigned char raw[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  CARAT_CHECK(EVP_DigestFinal_ex(state_->context.get(), raw, &size) == 1);
  std::string text;
  for (const unsigned char byte : std::span(raw, size)) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return text;
}

std::string Sha256Hex(std::span<const std::byte> bytes) {
  Digest digest;
  digest.Add(bytes);
  return digest.Hex();
}

std::string HmacSha256Hex(std::string_view key, std::string_view text) {
  constexpr size_t kBlock = 64;
  const auto raw = [](std::string_view bytes) {
    const std::string hex = Sha256Hex(std::as_bytes(std::span(bytes)));
    std::string out;
    for (size_t i = 0; i < hex.size(); i += 2)
      out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return out;
  };
  std::string block = key.size() > kBlock ? raw(key) : std::string(key);
  block.resize(kBlock, '\0');
  std::string inner = block, outer = block;
  for (char& c : inner) c = static_cast<char>(c ^ 0x36);
  for (char& c : outer) c = static_cast<char>(c ^ 0x5C);
  outer += raw(inner + std::string(text));
  return Sha256Hex(std::as_bytes(std::span(outer)));
}

bool IsDigest(Digest::Kind kind, std::string_view text) {
  return text.size() == (kind == Digest::Kind::kSha256 ? 64 : 40) &&
         std::ranges::all_of(
             text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace carat
