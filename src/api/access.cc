#include "api/access.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <mutex>
#include <span>
#include <utility>

#include "base/check.h"
#include "io/digest.h"
#include "sys/ids.h"

namespace carat {
namespace {

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string DigestOf(std::string_view text) { return Sha256Hex(std::as_bytes(std::span(text))); }

// Every byte is looked at.
bool SameDigest(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned different = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    different |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  }
  return different == 0;
}

// A Host field without its port; empty where it is none.
std::string_view HostName(std::string_view field) {
  const size_t colon = field.rfind(':');
  const bool ipv6 = field.starts_with('[');
  if (colon == std::string_view::npos || (ipv6 && field.ends_with(']'))) return field;
  const std::string_view port = field.substr(colon + 1), name = field.substr(0, colon);
  const bool digits = !port.empty() && port.size() <= 5 &&
                      std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || (ipv6 && !name.ends_with(']'))) return {};
  return name;
}

// scheme://authority, the authority; empty for "null" and all else.
std::string_view AuthorityOf(std::string_view origin) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (origin.starts_with(scheme)) return origin.substr(scheme.size());
  }
  return {};
}

ApiError Forbidden(std::string code, std::string message) {
  return {.status = 403, .code = std::move(code), .message = std::move(message)};
}

}  // namespace

struct Access::State {
  struct Key {
    std::string digest;  // of the key, which is not kept
    std::string name;
    size_t waiting = kMaxInside, per_minute = 0;
    bool manages = true;
    size_t inside = 0;                 // requests now
    double turns = 0, counted_at = 0;  // requests that it may make at once, as of then
  };
  bool ask_for_key = true;
  std::vector<std::string> hosts;
  std::function<std::optional<PageKey>(std::string_view)> page_key;
  const std::string nobody = NewId("");  // in place of a key that is not there
  std::mutex mutex;                      // of the keys' changing members
  std::vector<Key> keys;

  Key& Named(const std::string& owner) {
    const auto found = std::ranges::find(keys, owner, &Key::name);
    CARAT_CHECK(found != keys.end());
    return *found;
  }
};

Access::Access(const AccessOptions& options, const std::vector<AccessKey>& keys)
    : state_(std::make_unique<State>()) {
  CARAT_CHECK(!keys.empty() || !options.ask_for_key);
  state_->ask_for_key = options.ask_for_key;
  state_->page_key = options.page_key;
  state_->hosts = {"localhost", "127.0.0.1", "[::1]"};
  for (const std::string& host : options.hosts) state_->hosts.push_back(Lower(host));
  for (const AccessKey& key : keys) {
    state_->keys.push_back({.digest = DigestOf(key.key),
                            .name = key.name,
                            .waiting = key.waiting == 0 ? kMaxInside : key.waiting,
                            .per_minute = key.per_minute,
                            .manages = key.manages,
                            .turns = static_cast<double>(key.per_minute)});
  }
  if (!options.ask_for_key) state_->keys = {{.digest = {}, .name = "local"}};
}

Access::Access(Access&&) noexcept = default;
Access& Access::operator=(Access&&) noexcept = default;
Access::~Access() = default;

std::optional<ApiError> Access::CheckOrigin(const net::RequestHead& head, bool page) const {
  const bool goes_to_page = page && head.Field("sec-fetch-mode") == "navigate" &&
                            head.Field("sec-fetch-dest") == "document";
  const std::optional<std::string_view> host_field = head.Field("host");
  const std::string host = Lower(host_field.value_or(""));
  const std::string_view name = HostName(host);
  if (name.empty() || std::ranges::find(state_->hosts, name) == state_->hosts.end()) {
    return Forbidden("host_not_allowed",
                     "This Host is not one that carat answers to: use localhost or 127.0.0.1, or "
                     "allow the name where the server is started.");
  }
  for (const auto& [key, value] : head.fields) {
    if (key == "origin" && Lower(AuthorityOf(value)) != host) {
      return Forbidden("origin_not_allowed", "Pages of other origins may not use this server.");
    }
    if (key == "sec-fetch-site" && value != "same-origin" && value != "none" && !goes_to_page) {
      return Forbidden("origin_not_allowed", "Pages of other sites may not use this server.");
    }
  }
  if (head.method == "OPTIONS") {
    return Forbidden("origin_not_allowed", "No other origin may use this server.");
  }
  return std::nullopt;
}

std::optional<std::string_view> Access::Presented(const net::RequestHead& head) {
  const std::optional<std::string_view> bearer = head.Field("authorization");
  if (bearer) {
    if (Lower(bearer->substr(0, 7)) != "bearer ") return std::nullopt;
    std::string_view key = bearer->substr(7);
    key.remove_prefix(std::min(key.find_first_not_of(' '), key.size()));
    return key;
  }
  return head.Field("x-api-key");
}

std::expected<std::string, ApiError> Access::Owner(const net::RequestHead& head) const {
  if (!state_->ask_for_key) return "local";
  const std::optional<std::string_view> presented = Presented(head);
  if (presented && presented->starts_with(kPageToken) && state_->page_key) {
    // Its key may be gone from the file, or be another one.
    const auto page = state_->page_key(*presented);
    if (page && SameDigest(page->mark, Mark(page->owner))) return page->owner;
  }
  const std::string digest = DigestOf(presented.value_or(""));
  const State::Key* owner = nullptr;
  for (const State::Key& key : state_->keys) {
    if (SameDigest(key.digest, digest)) owner = &key;  // no early end
  }
  if (owner != nullptr && presented) return owner->name;
  return std::unexpected(ApiError{
      .status = 401,
      .code = "invalid_api_key",
      .message = presented ? "This is no key of this server."
                           : "A key is needed: send Authorization: Bearer KEY, or x-api-key. "
                             "It stands in the server's key file."});
}

size_t Access::NumOwners() const { return state_->keys.size(); }

std::string Access::Proof(const std::string& name, std::string_view text) const {
  const auto key = std::ranges::find(state_->keys, name, &State::Key::name);
  return HmacSha256Hex(key != state_->keys.end() ? key->digest : state_->nobody, text);
}

std::string Access::Mark(const std::string& owner) const {
  return Proof(owner, "carat page token");
}

bool Access::Manages(const std::string& owner) const {
  const std::scoped_lock lock(state_->mutex);
  return state_->Named(owner).manages;
}

std::optional<ApiError> Access::Count(const std::string& owner, double now) {
  const std::scoped_lock lock(state_->mutex);
  State::Key& key = state_->Named(owner);
  if (key.per_minute == 0) return std::nullopt;
  const double most = static_cast<double>(key.per_minute), per_second = most / 60;
  key.turns = std::min(most, key.turns + (now - key.counted_at) * per_second);
  key.counted_at = now;
  if (key.turns >= 1) {
    key.turns -= 1;
    return std::nullopt;
  }
  return ApiError{.status = 429,
                  .code = "rate_limit_exceeded",
                  .message = "This key has made as many requests as it may in a minute.",
                  .retry_after_s = static_cast<int>(std::ceil((1 - key.turns) / per_second))};
}

std::expected<Access::Place, ApiError> Access::Enter(const std::string& owner) {
  const std::scoped_lock lock(state_->mutex);
  State::Key& key = state_->Named(owner);
  if (key.inside >= key.waiting) {
    return std::unexpected(ApiError{.status = 429,
                                    .code = "rate_limit_exceeded",
                                    .message = "This key has as many requests under way as it may.",
                                    .retry_after_s = 1});
  }
  ++key.inside;
  return Place(*this, static_cast<size_t>(&key - state_->keys.data()));
}

Access::Place::Place(Place&& other) noexcept
    : access_(std::exchange(other.access_, nullptr)), key_idx_(other.key_idx_) {}

Access::Place::~Place() {
  if (access_ == nullptr) return;
  const std::scoped_lock lock(access_->state_->mutex);
  --access_->state_->keys[key_idx_].inside;
}

net::Fields SecurityFields() {
  return {{"x-content-type-options", "nosniff"},
          {"referrer-policy", "no-referrer"},
          {"cross-origin-resource-policy", "same-origin"},
          {"x-frame-options", "DENY"}};
}

net::Fields DataFields() {
  return {{"content-security-policy", "default-src 'none'; frame-ancestors 'none'"},
          {"cache-control", "no-store"}};
}

}  // namespace carat
