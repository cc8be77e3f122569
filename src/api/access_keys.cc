// The key file.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <span>

#include "api/access.h"
#include "base/base64.h"
#include "base/scoped_fd.h"
#include "base/utf8.h"
#include "io/file.h"

namespace carat {
namespace {

constexpr size_t kMaxFile = 1 << 20, kMinKey = 16, kMaxKey = 512, kMaxName = 64;

bool IsOwnerName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  for (size_t at = 0; (at = line.find_first_not_of(" \t\r", at)) != std::string_view::npos;) {
    const size_t end = std::min(line.find_first_of(" \t\r", at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

Result<size_t> CountOf(std::string_view text, const std::string& where) {
  size_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count == 0) {
    return Fail({.what = "wrong limit",
                 .where = where,
                 .wanted = "a number from 1 up",
                 .found = Quoted(text, 20)});
  }
  return count;
}

Status ReadSetting(std::string_view word, const std::string& where, AccessKey& key) {
  const size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? "" : word.substr(equals + 1);
  if (name == "name") {
    if (!IsOwnerName(value) || value == "local") {
      return Fail({.what = "wrong name of a key",
                   .where = where,
                   .wanted = "1 to 64 letters, digits, '_', '-' and '.', but not \"local\"",
                   .found = Quoted(value, 20)});
    }
    key.name = value;
    return {};
  }
  if (name == "waiting" || name == "per_minute") {
    CARAT_ASSIGN((name == "waiting" ? key.waiting : key.per_minute), CountOf(value, where));
    return {};
  }
  if (word == "manages") {
    key.manages = true;
    return {};
  }
  // The word is not shown: it may be a key.
  return Fail({.what = "unknown setting",
               .where = where,
               .wanted = "name=, waiting=, per_minute= or manages"});
}

Result<AccessKey> ParseKey(const std::vector<std::string_view>& words, const std::string& where) {
  AccessKey key{.key = std::string(words[0])};
  const bool printable =
      std::ranges::all_of(key.key, [](char c) { return c > ' ' && c <= '~' && c != '='; });
  if (key.key.size() < kMinKey || key.key.size() > kMaxKey || !printable) {
    return Fail(
        {.what = "not a key",
         .where = where,
         .wanted = fmt::format("{} to {} printable characters, '=' excepted", kMinKey, kMaxKey)});
  }
  for (size_t i = 1; i < words.size(); ++i) CARAT_TRY(ReadSetting(words[i], where, key));
  if (key.name.empty())
    return Fail({.what = "a key without a name", .where = where, .wanted = "name="});
  return key;
}

// "carat-" and 256 random bits in base64url without padding.
Result<std::string> NewKey(const std::string& where) {
  std::array<uint8_t, 32> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return Fail({.code = ErrorCode::kIo, .what = "no random bytes for a key", .where = where});
  }
  std::string text = EncodeBase64(bytes);
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  while (text.ends_with('=')) text.pop_back();
  return "carat-" + text;
}

Status MakeFile(const std::filesystem::path& path) {
  CARAT_ASSIGN(const std::string key, NewKey(path.string()));
  const std::string text =
      "# Keys of carat's server, one on a line: KEY name=NAME [waiting=N] [per_minute=N] "
      "[manages]\n" +
      key + " name=default\n";
  return WriteFileAtomic(path, std::as_bytes(std::span(text)), 0600);
}

Status CheckOwner(const ScopedFd& fd, const std::filesystem::path& path) {
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return Fail({.code = ErrorCode::kIo, .what = "cannot look at it", .where = path.string()});
  }
  if (info.st_uid != ::geteuid()) {
    return Fail({.what = "the key file belongs to somebody else",
                 .where = path.string(),
                 .wanted = "a file of the user who runs carat"});
  }
  if ((info.st_mode & 0177) != 0) {
    return Fail({.what = "others may read the key file, or it may be run",
                 .where = path.string(),
                 .wanted = "mode 0600 (chmod 600)",
                 .found = fmt::format("mode {:04o}", info.st_mode & 07777)});
  }
  return {};
}

}  // namespace

Result<std::vector<AccessKey>> ParseKeys(std::string_view text, const std::string& where) {
  std::vector<AccessKey> keys;
  size_t number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::vector<std::string_view> words = Words(text.substr(at, end - at));
    at = end + 1;
    ++number;
    if (words.empty() || words[0].starts_with('#')) continue;
    const std::string place = fmt::format("{}, line {}", where, number);
    CARAT_ASSIGN(AccessKey key, ParseKey(words, place));
    for (const AccessKey& other : keys) {
      if (other.name != key.name && other.key != key.key) continue;
      return Fail({.what = other.name == key.name ? "two keys have this name" : "a key twice",
                   .where = place,
                   .found = key.name});
    }
    keys.push_back(std::move(key));
  }
  if (keys.empty()) return Fail({.what = "no key", .where = where, .wanted = "KEY name=NAME"});
  keys.front().manages = true;
  return keys;
}

Result<std::vector<AccessKey>> LoadKeys(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) {
    CARAT_TRY(MakeFile(path));
  }
  return ReadKeys(path);
}

Result<std::vector<AccessKey>> ReadKeys(const std::filesystem::path& path) {
  // Looked at and read through one descriptor: nothing can change in between.
  const ScopedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    return Fail(
        {.code = ErrorCode::kIo, .what = "cannot open the key file", .where = path.string()});
  }
  CARAT_TRY(CheckOwner(fd, path));
  CARAT_ASSIGN(const std::string text, ReadDescriptor(fd.get(), path.string(), kMaxFile));
  return ParseKeys(text, path.string());
}

}  // namespace carat
