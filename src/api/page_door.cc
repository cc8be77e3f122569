#include "api/page_door.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "io/digest.h"
#include "sys/clock.h"
#include "sys/ids.h"

namespace carat {
namespace {

// What is looked up is never the secret itself, so that no comparison of texts tells of it.
std::string DigestOf(std::string_view text) { return Sha256Hex(std::as_bytes(std::span(text))); }

bool IsGood(const HistoryToken& token) { return UnixMs() - token.created_ms < PageDoor::kTokenMs; }

}  // namespace

std::string ProofText(std::string_view nonce, std::string_view local) {
  return fmt::format("carat page {} {}", local, nonce);
}

Result<std::unique_ptr<PageDoor>> PageDoor::Open(History& history) {
  CARAT_ASSIGN(auto tokens, history.Tokens());
  for (auto token = tokens.begin(); token != tokens.end();) {
    if (IsGood(token->second)) {
      ++token;
      continue;
    }
    CARAT_TRY(history.DropToken(token->first));
    token = tokens.erase(token);
  }
  return std::unique_ptr<PageDoor>(new PageDoor(history, std::move(tokens)));
}

std::string PageDoor::NewCode(const PageKey& key, double now_s) {
  const std::lock_guard lock(mutex_);
  std::erase_if(codes_, [&](const auto& code) { return code.second.until_s < now_s; });
  const auto of_owner = [&](const auto& code) { return code.second.key.owner == key.owner; };
  if (static_cast<size_t>(std::ranges::count_if(codes_, of_owner)) >= kMaxCodes) {
    auto oldest = codes_.end();
    for (auto code = codes_.begin(); code != codes_.end(); ++code) {
      if (!of_owner(*code)) continue;
      if (oldest == codes_.end() || code->second.until_s < oldest->second.until_s) oldest = code;
    }
    codes_.erase(oldest);
  }
  std::string code = NewId("");
  codes_[DigestOf(code)] = {.key = key, .until_s = now_s + kCodeSeconds};
  return code;
}

Result<std::optional<std::string>> PageDoor::Swap(const std::string& code, double now_s) {
  HistoryToken kept{.created_ms = UnixMs()};
  {
    const std::lock_guard lock(mutex_);
    const auto found = codes_.find(DigestOf(code));
    if (found == codes_.end()) return std::nullopt;
    const bool good = found->second.until_s >= now_s;
    kept.owner = found->second.key.owner;
    kept.mark = found->second.key.mark;
    codes_.erase(found);
    if (!good) return std::nullopt;
  }
  std::string token = NewId(kPageToken);
  CARAT_TRY(history_.KeepToken(DigestOf(token), kept));
  const std::lock_guard lock(mutex_);
  tokens_[DigestOf(token)] = std::move(kept);
  return token;
}

std::optional<PageKey> PageDoor::KeyOf(std::string_view token) const {
  const std::string digest = DigestOf(token);
  const std::lock_guard lock(mutex_);
  const auto found = tokens_.find(digest);
  if (found == tokens_.end() || !IsGood(found->second)) return std::nullopt;
  return PageKey{.owner = found->second.owner, .mark = found->second.mark};
}

std::string PageDoor::Prove(std::string_view name, std::string_view nonce,
                            std::string_view local) const {
  std::string digest = nobody_;
  const std::lock_guard lock(mutex_);
  for (const auto& [token, kept] : tokens_) {
    if (DigestOf(token) == name && IsGood(kept)) digest = token;
  }
  return HmacSha256Hex(digest, ProofText(nonce, local));
}

// No more let in first, whatever the disk says.
Status PageDoor::Drop(std::string_view token) {
  const std::string digest = DigestOf(token);
  {
    const std::lock_guard lock(mutex_);
    tokens_.erase(digest);
  }
  return history_.DropToken(digest);
}

Status PageDoor::DropAll(const std::string& owner) {
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(tokens_, [&](const auto& token) { return token.second.owner == owner; });
    std::erase_if(codes_, [&](const auto& code) { return code.second.key.owner == owner; });
  }
  return history_.DropTokens(owner);
}

}  // namespace carat
