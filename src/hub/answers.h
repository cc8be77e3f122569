// What redirects and failures of a hub mean, and what to do next.
#pragma once

#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "base/result.h"
#include "hub/client.h"
#include "hub/http.h"
#include "hub/url.h"

namespace carat {

// The endpoint and what may be sent there.
struct Home {
  Url endpoint;  // its path has no closing slash
  std::string token;

  // ENDPOINT/REPOSITORY/resolve/REVISION/FILE; all parts are checked already.
  Url FileUrl(std::string_view repository, std::string_view revision, std::string_view file) const;
};

// One request in a chain of redirects.
struct Hop {
  Url url;
  int redirects = 0;
  bool left_home = false;  // another origin was on the way: no token from here on

  static Hop From(const Home& home, Url url);
  // The token, where this request goes to the endpoint's origin and the chain never left it.
  std::string Bearer(const Home& home) const;
  // Where an answer of 301, 302, 303, 307 or 308 leads. Errors: too many, or nowhere allowed.
  Result<Hop> Next(const Home& home, const HeaderFields& headers) const;
};

inline constexpr int kMaxRedirects = 8;
bool IsRedirect(int status);

// A failure: whether it may pass, and how long the server asks to wait at least.
struct Failure {
  Error error;
  bool may_pass = false;
  double wait_seconds = 0;
};
// Of a result that is neither a redirect nor what was wanted. `hop` is what was asked; the error's
// place is the repository and file.
Failure Explain(const HttpResult& result, const Hop& hop, const Home& home, const RemoteFile& file);

// "owner/name/file", as errors call it.
std::string NameOf(const RemoteFile& file);

// How often and after how long something is tried again.
class Patience {
 public:
  explicit Patience(const HubOptions& options);
  // Seconds to wait after one more failure; the failure's error if it is no use.
  Result<double> After(const Failure& failure);
  // Something was gained: the count begins anew.
  void Reset() { failures_ = 0; }

 private:
  int retries_;
  double first_wait_, longest_wait_;
  int failures_ = 0;
  std::minstd_rand random_;
};

}  // namespace carat
