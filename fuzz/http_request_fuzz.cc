// What a client sends: requests one after the other, as a connection reads them. The first byte is
// the size of the pieces in which they come; the rest must be read the same in one piece.
//
// DEPS: net
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/utf8.h"
#include "net/request_parser.h"

namespace {

using namespace carat::net;  // NOLINT(google-build-using-namespace): a fuzz target is one file
using State = RequestParser::State;

constexpr Limits kLimits = {.head_bytes = 2000, .head_fields = 10, .chunk_line_bytes = 100};
constexpr size_t kMostBytes = 300;

void CheckHead(const RequestHead& head) {
  CARAT_CHECK(!head.method.empty());
  CARAT_CHECK(head.path.starts_with('/') || (head.path == "*" && head.method == "OPTIONS"));
  CARAT_CHECK(carat::IsValidUtf8(head.path));
  const std::string path = head.path + "/";
  for (const char* bad : {"/../", "/./", "\\", "\n", "\r"})
    CARAT_CHECK(path.find(bad) == std::string::npos);
  CARAT_CHECK(head.path.find("//") == std::string::npos);
  CARAT_CHECK(path.find('\0') == std::string::npos);
  CARAT_CHECK(head.fields.size() <= kLimits.head_fields + 1);
  size_t hosts = 0;
  for (const auto& [name, value] : head.fields) {
    hosts += name == "host" ? 1 : 0;
    for (const std::string* text : {&name, &value})
      CARAT_CHECK(text->find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
  CARAT_CHECK(hosts <= 1);
}

// What came out, as one text.
std::string ReadAll(std::string_view text, size_t step) {
  std::string read;
  std::string_view piece;
  while (true) {
    RequestParser parser(kLimits);
    while (parser.state() == State::kHead || parser.state() == State::kBody) {
      if (piece.empty()) {
        piece = text.substr(0, step);
        text.remove_prefix(piece.size());
      }
      if (piece.empty()) return read + "unfinished";
      if (parser.Put(piece) == State::kAdmit) {
        CheckHead(parser.head());
        parser.ReadBody(kMostBytes);
      }
      CARAT_CHECK(piece.empty() || parser.state() != State::kHead);
    }
    if (parser.state() == State::kRefused) {
      CARAT_CHECK(!parser.refusal().what.empty() && parser.refusal().status >= 400);
      return read + std::to_string(parser.refusal().status) + parser.refusal().what;
    }
    CARAT_CHECK(parser.body().size() <= kMostBytes);
    read += parser.head().method + parser.head().path + "?" + parser.head().query + "\n";
    for (const auto& [name, value] : parser.head().fields) read.append(name).append(value);
    read += parser.body() + (parser.keep_alive() ? "\nkeep\n" : "\nclose\n");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t step = std::max<size_t>(1, data[0]);
  CARAT_CHECK(ReadAll(text, step) == ReadAll(text, std::max<size_t>(1, text.size())));
  return 0;
}
