// Access: who may ask, decided from a request's head alone. Closed by default: a key for everything
// but what is open by name, loopback included; no page of another origin, no foreign Host.
#pragma once

#include <cstddef>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/api_error.h"
#include "base/result.h"
#include "net/message.h"

namespace carat {

// Requests of one owner at one time, where its key does not say less: others find a thread too.
inline constexpr size_t kMaxInside = 96;

struct AccessKey {
  std::string key = {};
  std::string name = {};  // the owner
  size_t waiting = 0;     // requests at one time; 0: kMaxInside
  size_t per_minute = 0;  // requests; 0: no limit
  bool manages = false;   // may load, unload and pull models
};

// The keys of a file's text, one on a line: KEY name=NAME [waiting=N] [per_minute=N] [manages]. The
// first key manages models in any case. Empty lines and what stands behind '#' at the beginning of
// a line count for nothing. Errors name the line, never a key. `where` is what they call the file.
Result<std::vector<AccessKey>> ParseKeys(std::string_view text, const std::string& where);

// The keys of a file. Errors: a file that others may read or write (its mode must be 0600
// or less), that belongs to somebody else, or that holds no key.
Result<std::vector<AccessKey>> ReadKeys(const std::filesystem::path& path);
// The same; where the file is absent it is made, with one new key of 256 random bits ("carat-…"),
// named "default".
Result<std::vector<AccessKey>> LoadKeys(const std::filesystem::path& path);

// The key behind a page's token.
struct PageKey {
  std::string owner = {};
  std::string mark = {};  // Access::Mark, when it was given
};

struct AccessOptions {
  bool ask_for_key = true;  // false: everybody who reaches the port is the owner "local"
  // Names by which the server is reached beside localhost, 127.0.0.1 and [::1]; without ports.
  std::vector<std::string> hosts = {};
  // What a page's token (page_door.h), which begins with kPageToken, was given for; null: there are
  // none.
  std::function<std::optional<PageKey>(std::string_view token)> page_key = {};
};
inline constexpr std::string_view kPageToken = "page-";

// Thread-safe. Move-only.
class Access {
 public:
  // Precondition: there is a key, or none is asked for. Names are unique.
  Access(const AccessOptions& options, const std::vector<AccessKey>& keys);
  Access(Access&&) noexcept;
  Access& operator=(Access&&) noexcept;
  ~Access();

  // DNS rebinding and pages of other origins: the Host must be one of ours, the Origin absent or
  // the same as the Host, and Sec-Fetch-Site not of another site. OPTIONS is refused: no other
  // origin is ever allowed.
  // `page`: a file of the page is asked for, which links and redirects of other sites may lead to,
  // as the file that `carat page` makes does: a document that is gone to, not one that is used.
  std::optional<ApiError> CheckOrigin(const net::RequestHead& head, bool page = false) const;

  // What is shown as a key, whatever it is.
  static std::optional<std::string_view> Presented(const net::RequestHead& head);

  // The name of the key in "Authorization: Bearer" or "x-api-key". The time that takes does not
  // depend on how much of a key is right.
  std::expected<std::string, ApiError> Owner(const net::RequestHead& head) const;

  size_t NumOwners() const;
  // What only who holds the key of that name can tell: HMAC-SHA-256 over the text with the key's
  // SHA-256. For another name it looks the same, and is nothing.
  std::string Proof(const std::string& name, std::string_view text) const;

  // Of the owner's key: another one under the same name has another mark.
  std::string Mark(const std::string& owner) const;

  // Whether the owner may change which model is loaded.
  bool Manages(const std::string& owner) const;

  // Counts a request against the owner's per_minute. `now` as Now() gives it.
  std::optional<ApiError> Count(const std::string& owner, double now);

  // A place among the owner's requests at one time; given back when destroyed.
  class Place {
   public:
    Place(Place&& other) noexcept;
    Place& operator=(Place&&) = delete;
    ~Place();

   private:
    friend class Access;
    Place(Access& access, size_t key_idx) : access_(&access), key_idx_(key_idx) {}
    Access* access_;  // borrows; null: moved from
    size_t key_idx_;
  };
  // The access must stay where it is while places are held.
  std::expected<Place, ApiError> Enter(const std::string& owner);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// What every answer carries: nothing is framed, sniffed or loaded by other origins.
net::Fields SecurityFields();
// What all but files carry besides: nothing is cached, and a browser that shows it runs nothing.
net::Fields DataFields();

}  // namespace carat
