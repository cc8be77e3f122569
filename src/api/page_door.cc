#include "api/page_door.h"

#include <algorithm>
#include <span>

#include "api/access.h"
#include "io/digest.h"
#include "sys/ids.h"

namespace carat {
namespace {

// What is looked up is never the secret itself, so that no comparison of texts tells of it.
std::string DigestOf(std::string_view text) { return Sha256Hex(std::as_bytes(std::span(text))); }

}  // namespace

Result<std::unique_ptr<PageDoor>> PageDoor::Open(History& history) {
  CARAT_ASSIGN(auto tokens, history.Tokens());
  return std::unique_ptr<PageDoor>(new PageDoor(history, std::move(tokens)));
}

std::string PageDoor::NewCode(const std::string& owner, double now_s) {
  const std::lock_guard lock(mutex_);
  std::erase_if(codes_, [&](const auto& code) { return code.second.until_s < now_s; });
  const auto of_owner = [&](const auto& code) { return code.second.owner == owner; };
  if (static_cast<size_t>(std::ranges::count_if(codes_, of_owner)) >= kMaxCodes) {
    auto oldest = codes_.end();
    for (auto code = codes_.begin(); code != codes_.end(); ++code) {
      if (!of_owner(*code)) continue;
      if (oldest == codes_.end() || code->second.until_s < oldest->second.until_s) oldest = code;
    }
    codes_.erase(oldest);
  }
  std::string code = NewId("");
  codes_[DigestOf(code)] = {.owner = owner, .until_s = now_s + kCodeSeconds};
  return code;
}

Result<std::optional<std::string>> PageDoor::Swap(const std::string& code, double now_s) {
  std::string owner;
  {
    const std::lock_guard lock(mutex_);
    const auto found = codes_.find(DigestOf(code));
    if (found == codes_.end()) return std::nullopt;
    const bool good = found->second.until_s >= now_s;
    owner = found->second.owner;
    codes_.erase(found);
    if (!good) return std::nullopt;
  }
  std::string token = NewId(kPageToken);
  CARAT_TRY(history_.KeepToken(owner, DigestOf(token)));
  const std::lock_guard lock(mutex_);
  tokens_[DigestOf(token)] = owner;
  return token;
}

std::optional<std::string> PageDoor::OwnerOf(std::string_view token) const {
  const std::string digest = DigestOf(token);
  const std::lock_guard lock(mutex_);
  const auto found = tokens_.find(digest);
  return found != tokens_.end() ? std::optional(found->second) : std::nullopt;
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
    std::erase_if(tokens_, [&](const auto& token) { return token.second == owner; });
  }
  return history_.DropTokens(owner);
}

}  // namespace carat
