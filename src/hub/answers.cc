#include "hub/answers.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <utility>

namespace carat {
namespace {

constexpr double kLongestBackoff = 60;
constexpr std::string_view kResumes = "; running the same command again goes on from here";

// Without what may be a signature in the query.
std::string Place(const Url& url) { return url.Origin(); }

Failure Connection(const HttpResult& result, const Hop& hop, Error error) {
  const std::string host = Place(hop.url);
  switch (result.end) {
    case HttpResult::End::kUntrusted:
      error.what =
          fmt::format("the certificate of {} is not trusted: {}", host, ServerText(result.detail));
      return {.error = std::move(error)};
    case HttpResult::End::kTooLong:
      error.code = ErrorCode::kInvalid;
      error.what = fmt::format("the header that {} sent is too long", host);
      error.wanted = fmt::format("at most {} bytes", kMaxHeaderBytes);
      return {.error = std::move(error)};
    case HttpResult::End::kStalled:
      error.what = fmt::format("nothing more came from {}{}", host, kResumes);
      break;
    default:
      error.what = fmt::format("the connection to {} failed: {}{}", host, ServerText(result.detail),
                               kResumes);
  }
  return {.error = std::move(error), .may_pass = true};
}

Error NoAccess(const HttpResult& result, const Home& home, const RemoteFile& file, Error error) {
  const std::string page = Url(home.endpoint).Text() + "/" + file.repository;
  if (!home.token.empty()) {
    error.what = fmt::format(
        "the server refused the access token (HF_TOKEN): it must be valid, and its owner must have "
        "accepted the licence at {}",
        page);
  } else {
    error.what = fmt::format(
        "the server wants to know who asks: accept the licence at {} and set HF_TOKEN to an access "
        "token; or there is no such repository",
        page);
  }
  error.found = fmt::format("status {}", result.status);
  return error;
}

Error NotThere(const HttpResult& result, const Home& home, const RemoteFile& file, Error error) {
  const std::string_view code = result.headers.Find("x-error-code");
  error.code = ErrorCode::kNotFound;
  if (code == "RevisionNotFound") {
    error.what = "the repository has no such revision";
  } else if (code == "EntryNotFound") {
    error.what = "the repository has no such file";
  } else if (code == "RepoNotFound" || code == "RepositoryNotFound") {
    error.what = "there is no such repository";
    if (home.token.empty()) error.what += ", or it is private and needs HF_TOKEN";
  } else {
    error.what = "the server has no such file";
  }
  error.found = fmt::format("status {} for {}", result.status, file.repository);
  return error;
}

bool MayPass(int status) { return status == 408 || status == 429 || status >= 500; }

}  // namespace

Url Home::FileUrl(std::string_view repository, std::string_view revision,
                  std::string_view file) const {
  Url url = endpoint;
  url.path += fmt::format("/{}/resolve/{}/{}", repository, revision, file);
  return url;
}

Hop Hop::From(const Home& home, Url url) {
  const bool away = url.Origin() != home.endpoint.Origin();
  return {.url = std::move(url), .redirects = 0, .left_home = away};
}

std::string Hop::Bearer(const Home& home) const {
  const bool at_home = !left_home && url.Origin() == home.endpoint.Origin();
  return at_home ? home.token : std::string();
}

Result<Hop> Hop::Next(const Home& home, const HeaderFields& headers) const {
  if (redirects >= kMaxRedirects) {
    return Fail({.what = "the server redirects without end",
                 .wanted = fmt::format("at most {} redirects", kMaxRedirects)});
  }
  auto next = FollowLocation(url, headers.Find("location"));
  if (!next.has_value())
    return Fail(Within("redirect from " + Place(url), std::move(next).error()));
  const bool away = left_home || next->Origin() != home.endpoint.Origin();
  return Hop{.url = *std::move(next), .redirects = redirects + 1, .left_home = away};
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string NameOf(const RemoteFile& file) { return file.repository + "/" + file.file; }

Failure Explain(const HttpResult& result, const Hop& hop, const Home& home,
                const RemoteFile& file) {
  Error error{.code = ErrorCode::kIo, .where = NameOf(file)};
  if (result.end != HttpResult::End::kComplete) return Connection(result, hop, std::move(error));
  const int status = result.status;
  if (!hop.left_home && (status == 401 || status == 403))
    return {.error = NoAccess(result, home, file, std::move(error))};
  if (!hop.left_home && (status == 404 || status == 410))
    return {.error = NotThere(result, home, file, std::move(error))};
  error.found = fmt::format("status {} from {}", status, Place(hop.url));
  const std::string_view words = result.headers.Find("x-error-message");
  if (!words.empty()) error.found += ": " + ServerText(words);
  if (status == 416) {
    error.what = "the file at the server is shorter than it was announced";
    return {.error = std::move(error)};
  }
  if (status == 429) {
    error.what = fmt::format("the server gets too many requests from here{}", kResumes);
  } else if (MayPass(status)) {
    error.what = fmt::format("the server is in trouble{}", kResumes);
  } else {
    error.what = "the server answered with something else than the file";
  }
  const auto asked = ParseRetryAfter(result.headers.Find("retry-after"), std::time(nullptr));
  return {.error = std::move(error),
          // A signed address that is refused has expired, and the endpoint gives a new one.
          .may_pass = MayPass(status) || (hop.left_home && status >= 400),
          .wait_seconds = asked.value_or(0)};
}

Patience::Patience(const HubOptions& options)
    : retries_(options.retries),
      first_wait_(options.first_wait_seconds),
      longest_wait_(options.longest_wait_seconds),
      random_(std::random_device{}()) {}

Result<double> Patience::After(const Failure& failure) {
  if (!failure.may_pass || failures_ >= retries_) return Fail(failure.error);
  if (failure.wait_seconds > longest_wait_) {
    Error error = failure.error;
    error.what =
        fmt::format("the server asks to wait for {:.0f} seconds{}", failure.wait_seconds, kResumes);
    return Fail(std::move(error));
  }
  const double backoff = std::min(first_wait_ * std::ldexp(1.0, failures_), kLongestBackoff);
  ++failures_;
  // Spread, so that many that failed together do not come back together.
  const double spread = std::uniform_real_distribution<double>(0.5, 1.0)(random_);
  return std::max(backoff * spread, failure.wait_seconds);
}

}  // namespace carat
