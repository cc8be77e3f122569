// Addresses that a download may go to, and names that may become part of one or of a path. All of
// it comes from outside and is held to fixed patterns.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace carat {

// An absolute http or https address. Made by ParseUrl and FollowLocation alone, so the parts hold
// nothing but printable ASCII; there are no credentials in it and no fragment.
struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; an IPv6 address stands in brackets
  uint16_t port = 0;
  std::string path;  // begins with '/'; a query is part of it

  // What decides who may see a token: "https://huggingface.co:443".
  std::string Origin() const;
  std::string Text() const;
  // localhost, 127.0.0.0/8 in its usual form, [::1].
  bool IsLoopback() const;
  bool operator==(const Url&) const = default;
};

inline constexpr size_t kMaxUrlBytes = 16384;  // signed addresses take one to two thousand

// Errors: another scheme than https, or than http for a loopback host; credentials; anything that
// is not a plain address. They show the host at most, since an address may hold a signature.
Result<Url> ParseUrl(std::string_view text);

// Where a redirect from `from` leads: `location` is absolute, or relative to `from` (RFC 3986, 5.2,
// but dot segments stay). Errors as ParseUrl, and one for a step from https down to http.
Result<Url> FollowLocation(const Url& from, std::string_view location);

// As ParseUrl, and there is no query; a path prefix loses its closing slashes ("" for none).
Result<Url> ParseEndpoint(std::string_view text);

// "owner/name" of letters, digits, '.', '_' and '-'; neither begins with a dot.
Status CheckRepository(std::string_view text);
// The same for a name, or for two joined by a slash (one folder). Never "..".
Status CheckRemoteFile(std::string_view text);
// A branch's or tag's name of one segment, or a commit.
Status CheckRevision(std::string_view text);
// 40 lower-case hexadecimal digits.
Status CheckCommit(std::string_view text);

}  // namespace carat
