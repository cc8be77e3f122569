// What a hub sends before a file: header lines, and an address to go to. The first byte says which
// file the answer is for; then a base address, a line break, and the header as it came.
//
// DEPS: hub
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "hub/answers.h"
#include "hub/catalogue.h"
#include "hub/fetch.h"
#include "hub/headers.h"
#include "hub/url.h"

namespace {

using namespace carat;  // NOLINT(google-build-using-namespace): a fuzz target is one file

void CheckUrl(const Url& url) {
  CARAT_CHECK(url.scheme == "https" || (url.scheme == "http" && url.IsLoopback()));
  for (const char c : url.Text()) CARAT_CHECK(c > ' ' && c < 0x7F);
  // What libcurl gets is what was checked.
  const auto again = ParseUrl(url.Text());
  CARAT_CHECK(!again.has_value() || *again == url);
  CARAT_CHECK(again.has_value() || url.Text().size() > kMaxUrlBytes);
}

void CheckRedirects(const Home& home, const Hop& start, const HeaderFields& headers) {
  Hop hop = start;
  for (int i = 0; i <= kMaxRedirects; ++i) {
    auto next = hop.Next(home, headers);
    if (!next.has_value()) return;
    CheckUrl(next->url);
    const bool home_origin = next->url.Origin() == home.endpoint.Origin();
    CARAT_CHECK(next->Bearer(home).empty() || (home_origin && !hop.left_home));
    CARAT_CHECK(!hop.left_home || next->left_home);
    hop = *std::move(next);
  }
  CARAT_CHECK(false);  // redirects end
}

void CheckNames(std::string_view text) {
  for (const Status& checked : {CheckRepository(text), CheckRemoteFile(text), CheckRevision(text),
                                CheckCommit(text), CheckModelName(text)}) {
    if (!checked.has_value()) continue;
    CARAT_CHECK(text.find("..") != 0 && text.find("/.") == std::string_view::npos);
    CARAT_CHECK(text.find_first_of(std::string_view("\\%\0\n ?#", 7)) == std::string_view::npos);
  }
  FindInCatalogue(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t line_end = std::min(text.find('\n'), text.size());
  const std::string_view base = text.substr(0, line_end);
  CheckNames(base);
  HeaderFields headers;
  for (size_t at = line_end; at < text.size();) {
    const size_t end = std::min(text.find('\n', at + 1), text.size());
    if (!headers.AddLine(text.substr(at + 1, end - at - 1))) break;
    at = end;
  }
  const Home home{.endpoint = *ParseEndpoint("https://hub.example/path"), .token = "secret"};
  if (const auto url = ParseUrl(base)) {
    CheckUrl(*url);
    CheckRedirects(home, Hop::From(home, *url), headers);
  }
  CheckRedirects(home, Hop::From(home, home.endpoint), headers);

  RemoteFile file{.repository = "a/b", .file = "c", .commit = std::string(40, 'a')};
  file.size = data[0];
  const auto range = file.size > 1 ? std::optional<ByteRange>({1, file.size}) : std::nullopt;
  if (const auto facts = ReadFileFacts(headers, data[0] % 2 == 0)) {
    CARAT_CHECK(CheckCommit(facts->commit).has_value() && facts->size <= uint64_t{1} << 53);
    CARAT_CHECK(facts->hash.hex.size() == 64 || facts->hash.hex.size() == 40);
  }
  static_cast<void>(CheckBodyHeader(file, range, range ? 206 : 200, headers));
  const HttpResult result{
      .end = HttpResult::End::kComplete, .status = 200 + data[0] * 2, .headers = headers};
  const Failure failure = Explain(result, Hop::From(home, home.endpoint), home, file);
  CARAT_CHECK(failure.wait_seconds >= 0 && failure.error.Message().size() < 2000);
  CARAT_CHECK(text.find(home.token) != std::string_view::npos ||
              failure.error.Message().find(home.token) == std::string::npos);
  return 0;
}
