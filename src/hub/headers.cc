#include "hub/headers.h"

#include <curl/curl.h>
#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/utf8.h"
#include "hub/ascii.h"
#include "hub/url.h"

namespace carat {
namespace {

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = std::min(text.find_first_not_of(kSpace), text.size());
  const size_t end = text.find_last_not_of(kSpace) + 1;  // npos + 1 is 0
  return end > begin ? text.substr(begin, end - begin) : std::string_view();
}

}  // namespace

bool HeaderFields::Count(std::string_view line) {
  bytes_ += line.size();
  return bytes_ <= kMaxHeaderBytes;
}

bool HeaderFields::AddLine(std::string_view line) {
  if (!Count(line)) return false;
  if (line.starts_with("HTTP/")) {
    fields_.clear();
    return true;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return true;  // the empty line at the end
  fields_.emplace_back(LowerAscii(line.substr(0, colon)), Trimmed(line.substr(colon + 1)));
  return true;
}

std::string_view HeaderFields::Find(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (key == name) return value;
  }
  return {};
}

std::string FileHash::Text() const {
  return (kind == Kind::kSha256 ? "sha256:" : "gitsha1:") + hex;
}

Digest FileHash::Begin(uint64_t size) const {
  if (kind == Kind::kSha256) return Digest(Digest::Kind::kSha256);
  Digest digest(Digest::Kind::kSha1);
  std::string head = fmt::format("blob {}", size);
  head += '\0';
  digest.Add(AsBytes(head));
  return digest;
}

std::optional<FileHash> ParseEtag(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"')
    etag = etag.substr(1, etag.size() - 2);
  const std::string hex = LowerAscii(etag);
  if (IsDigest(Digest::Kind::kSha256, hex)) return FileHash{FileHash::Kind::kSha256, hex};
  if (IsDigest(Digest::Kind::kSha1, hex)) return FileHash{FileHash::Kind::kGitBlob, hex};
  return {};
}

std::optional<uint64_t> ParseLength(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  if (value > uint64_t{1} << 53) return {};
  return value;
}

std::optional<ContentRange> ParseContentRange(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  const size_t dash = text.find('-'), slash = text.find('/');
  if (!text.starts_with(kUnit) || dash == std::string_view::npos ||
      slash == std::string_view::npos || slash < dash) {
    return {};
  }
  const auto first = ParseLength(text.substr(kUnit.size(), dash - kUnit.size()));
  const auto last = ParseLength(text.substr(dash + 1, slash - dash - 1));
  const auto total = ParseLength(text.substr(slash + 1));
  if (!first || !last || !total || *first > *last || *last >= *total) return {};
  return ContentRange{*first, *last, *total};
}

std::optional<double> ParseRetryAfter(std::string_view text, std::time_t now) {
  if (text.empty() || text.size() > 64) return {};
  if (const auto seconds = ParseLength(text)) return static_cast<double>(*seconds);
  const std::time_t date = curl_getdate(std::string(text).c_str(), nullptr);
  if (date == -1) return {};
  return std::max(0.0, std::difftime(date, now));
}

Result<FileFacts> ReadFileFacts(const HeaderFields& headers, bool is_file) {
  const auto missing = [](std::string_view what, std::string_view name, std::string_view value) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = fmt::format("the server publishes no usable {}", what),
                 .wanted = std::string(name),
                 .found = value.empty() ? "none" : ServerText(value)});
  };
  FileFacts facts;
  facts.commit = headers.Find("x-repo-commit");
  if (!CheckCommit(facts.commit)) return missing("commit", "X-Repo-Commit", facts.commit);
  std::string_view size = headers.Find("x-linked-size");
  if (size.empty() && is_file) size = headers.Find("content-length");
  const auto length = ParseLength(size);
  if (!length) return missing("size", "X-Linked-Size or Content-Length", size);
  facts.size = *length;
  std::string_view etag = headers.Find("x-linked-etag");
  if (etag.empty() && is_file) etag = headers.Find("etag");
  const auto hash = ParseEtag(etag);
  if (!hash) return missing("hash", "a SHA-256 or Git's SHA-1 as X-Linked-Etag or ETag", etag);
  facts.hash = *hash;
  return facts;
}

std::string ServerText(std::string_view text) {
  constexpr size_t kMostBytes = 200;
  const std::string clean = SanitizeUtf8(text.substr(0, kMostBytes));
  std::string out;
  for (size_t at = 0; at < clean.size();) {
    const Utf8Step step = DecodeUtf8(clean, at);
    if (IsTerminalControl(step.code)) {
      out += ' ';
    } else {
      out.append(clean, at, step.size);
    }
    at += step.size;
  }
  return '"' + out + '"';
}

}  // namespace carat
