// What a hub says in response headers, read as if an enemy had written them. No value read here
// ever becomes a path.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "io/digest.h"

namespace carat {

inline constexpr size_t kMaxHeaderBytes = 65536;  // of all lines of one exchange together

// The header of the last response of one exchange. Names are kept in lower case.
class HeaderFields {
 public:
  // One line as it came; a status line ("HTTP/…") forgets those before it. False if there are more
  // bytes now than kMaxHeaderBytes: the exchange must end.
  bool AddLine(std::string_view line);
  // The same for a line that is not to be kept.
  bool Count(std::string_view line);
  // The first value of that name (in lower case), without white space around it; empty if absent.
  std::string_view Find(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
  size_t bytes_ = 0;  // those forgotten too
};

// What a file's content hashes to.
struct FileHash {
  enum class Kind {
    kSha256,   // of the content
    kGitBlob,  // SHA-1 of "blob SIZE\0" and the content, as Git names small files
  };
  Kind kind = Kind::kSha256;
  std::string hex;  // 64 or 40 lower-case digits

  std::string Text() const;  // "sha256:…" or "gitsha1:…"
  // A digest under way for content of `size` bytes, whose Hex() must become `hex`.
  Digest Begin(uint64_t size) const;
  bool operator==(const FileHash&) const = default;
};

// An ETag: quotes and a leading W/ go; 64 or 40 hexadecimal digits must remain.
std::optional<FileHash> ParseEtag(std::string_view etag);
// Decimal digits alone, up to 2^53.
std::optional<uint64_t> ParseLength(std::string_view text);

struct ContentRange {
  uint64_t first = 0, last = 0, total = 0;
  bool operator==(const ContentRange&) const = default;
};
// "bytes FIRST-LAST/TOTAL" with first <= last < total.
std::optional<ContentRange> ParseContentRange(std::string_view text);

// Retry-After: seconds, or a date, of which `now` is taken. Never negative; absent if neither.
std::optional<double> ParseRetryAfter(std::string_view text, std::time_t now);

struct FileFacts {
  std::string commit;
  uint64_t size = 0;
  FileHash hash;
};
// Of the endpoint's first answer: X-Repo-Commit, X-Linked-Size, X-Linked-Etag; where the answer is
// the file itself, Content-Length and ETag serve as well. Errors say which is missing or wrong.
Result<FileFacts> ReadFileFacts(const HeaderFields& headers, bool is_file);

// Server text made fit for a message: one line, well-formed, nothing that steers a terminal, short.
std::string ServerText(std::string_view text);

}  // namespace carat
