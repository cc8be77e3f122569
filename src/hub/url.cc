#include "hub/url.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <ranges>

#include "base/utf8.h"
#include "hub/ascii.h"
#include "io/digest.h"

namespace carat {
namespace {

constexpr size_t kMaxNameBytes = 200;  // below the 255 that a file's name may have

bool IsAlnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// What may stand in a path or query as it is: printable ASCII without what RFC 3986 excludes.
bool IsUrlByte(char c) {
  return c > ' ' && c < 0x7F && std::string_view("\"<>\\^`{|}#").find(c) == std::string_view::npos;
}

std::optional<unsigned> ToNumber(std::string_view digits, unsigned most) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value > most) return {};
  return value;
}

bool IsLoopbackV4(std::string_view host) {
  int parts = 0;
  for (const auto part : host | std::views::split('.')) {
    const std::string_view digits(part.begin(), part.end());
    if (!ToNumber(digits, 255) || (digits.size() > 1 && digits[0] == '0')) return false;
    if (++parts == 1 && digits != "127") return false;
  }
  return parts == 4;
}

std::unexpected<Error> BadUrl(std::string what, std::string wanted = {}, std::string found = {}) {
  return Fail({.what = std::move(what), .wanted = std::move(wanted), .found = std::move(found)});
}

// The host and port of "host:port" or "[v6]:port".
Status ParseAuthority(std::string_view text, Url& url) {
  if (text.find('@') != std::string_view::npos)
    return BadUrl("the address holds a user name or a password");
  size_t end = text.find(':');
  bool good = false;
  if (text.starts_with('[')) {
    end = std::min(text.find(']'), text.size() - 1) + 1;
    const std::string_view inner = text.substr(1, end - 2);
    good = text[end - 1] == ']' && inner.size() >= 2 &&
           inner.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
  } else {
    const std::string_view name = text.substr(0, end);
    good = !name.empty() && IsAlnum(name.front()) && name.size() <= 253 &&
           std::ranges::all_of(name, [](char c) { return IsAlnum(c) || c == '.' || c == '-'; });
  }
  if (!good) return BadUrl("the address names no proper host", {}, Quoted(text));
  url.host = LowerAscii(text.substr(0, end));
  const std::string_view rest = end < text.size() ? text.substr(end) : std::string_view();
  url.port = url.scheme == "https" ? 443 : 80;
  if (rest.empty()) return {};
  const auto port = ToNumber(rest.substr(1), 65535);
  if (rest[0] != ':' || !port || *port == 0)
    return BadUrl("the address has a bad port", "1 to 65535", Quoted(rest));
  url.port = static_cast<uint16_t>(*port);
  return {};
}

Status CheckName(std::string_view kind, std::string_view text) {
  const bool good = !text.empty() && text.size() <= kMaxNameBytes && text[0] != '.' &&
                    std::ranges::all_of(text, [](char c) {
                      return IsAlnum(c) || c == '.' || c == '_' || c == '-';
                    });
  if (good) return {};
  return Fail({.what = fmt::format("this is no {}", kind),
               .wanted = "letters, digits, '.', '_' and '-', with no leading dot",
               .found = Quoted(text)});
}

}  // namespace

std::string Url::Origin() const { return fmt::format("{}://{}:{}", scheme, host, port); }

std::string Url::Text() const {
  const bool usual = port == (scheme == "https" ? 443 : 80);
  return usual ? fmt::format("{}://{}{}", scheme, host, path) : Origin() + path;
}

bool Url::IsLoopback() const {
  return host == "localhost" || host == "[::1]" || IsLoopbackV4(host);
}

Result<Url> ParseUrl(std::string_view text) {
  if (text.size() > kMaxUrlBytes) {
    return BadUrl("the address is too long", fmt::format("at most {} bytes", kMaxUrlBytes),
                  std::to_string(text.size()));
  }
  const size_t colon = text.find("://");
  Url url{.scheme = LowerAscii(text.substr(0, std::min(colon, text.size()))),
          .host = {},
          .port = 0,
          .path = {}};
  if (colon == std::string_view::npos || (url.scheme != "https" && url.scheme != "http"))
    return BadUrl("the address is not https", "https://…", Quoted(text.substr(0, colon), 40));
  text.remove_prefix(colon + 3);
  text = text.substr(0, text.find('#'));
  const size_t slash = std::min(text.find_first_of("/?"), text.size());
  CARAT_TRY(ParseAuthority(text.substr(0, slash), url));
  url.path = text.substr(slash);
  if (!url.path.starts_with('/')) url.path.insert(0, "/");
  if (!std::ranges::all_of(url.path, IsUrlByte))
    return BadUrl("the address holds characters that no address may hold");
  if (url.scheme == "http" && !url.IsLoopback()) {
    return BadUrl("the address is not encrypted; plain http is for this machine alone",
                  "https://" + url.host, "http://" + url.host);
  }
  return url;
}

Result<Url> FollowLocation(const Url& from, std::string_view location) {
  location = location.substr(0, location.find('#'));
  const size_t mark = location.find_first_of(":/?");
  std::string absolute;
  if (location.empty()) return BadUrl("the redirect says no address");
  if (mark != std::string_view::npos && location[mark] == ':') {
    absolute = location;
  } else if (location.starts_with("//")) {
    absolute = from.scheme + ":" + std::string(location);
  } else {
    Url next = from;
    const std::string_view path = std::string_view(from.path).substr(0, from.path.find('?'));
    const size_t keep = location[0] == '/'   ? 0
                        : location[0] == '?' ? path.size()
                                             : path.rfind('/') + 1;
    next.path = std::string(path.substr(0, keep)) + std::string(location);
    absolute = next.Text();
  }
  CARAT_ASSIGN(Url url, ParseUrl(absolute));
  if (from.scheme == "https" && url.scheme != "https") {
    return BadUrl("the redirect leads from https to http", "https://…", "http://" + url.host);
  }
  return url;
}

Result<Url> ParseEndpoint(std::string_view text) {
  CARAT_ASSIGN(Url url, ParseUrl(text));
  if (url.path.find('?') != std::string::npos)
    return BadUrl("the address of a hub has no query", {}, "\"?\"");
  while (url.path.ends_with('/')) url.path.pop_back();
  return url;
}

Status CheckRepository(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return Fail({.what = "this is no repository", .wanted = "OWNER/NAME", .found = Quoted(text)});
  }
  CARAT_TRY(CheckName("repository", text.substr(0, slash)));
  return CheckName("repository", text.substr(slash + 1));
}

Status CheckRemoteFile(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return CheckName("file name", text);
  CARAT_TRY(CheckName("folder's name", text.substr(0, slash)));
  return CheckName("file name", text.substr(slash + 1));
}

Status CheckRevision(std::string_view text) { return CheckName("revision", text); }

Status CheckCommit(std::string_view text) {
  if (IsDigest(Digest::Kind::kSha1, text)) return {};
  return Fail({.what = "this is no commit",
               .wanted = "40 lower-case hexadecimal digits",
               .found = Quoted(text)});
}

}  // namespace carat
