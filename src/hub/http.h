// HTTP exchanges by libcurl, several at once in one thread. Knows nothing of hubs: no redirect is
// followed here, and no header is sent that the request does not name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "hub/headers.h"
#include "hub/url.h"

namespace carat {

struct HttpOptions {
  std::string user_agent;
  std::string ca_file;   // PEM; empty: the system's
  std::string proxy;     // empty: none. Never for loopback hosts
  std::string no_proxy;  // hosts that are asked straight, as curl's NOPROXY
  double stall_seconds = 30;
  int connections = 4;  // kept open per host
};

struct ByteRange {
  uint64_t begin = 0, end = 0;  // end is not part of it
};

// What is done with a body once its header is known.
enum class BodyUse { kTake, kSkip, kStop };

struct HttpRequest {
  Url url;
  bool head = false;
  std::optional<ByteRange> range = {};
  std::string bearer = {};  // for the Authorization header; empty: none is sent
  // Called once, before any of the body. kStop ends the exchange. Empty: kSkip.
  std::function<BodyUse(int status, const HeaderFields& headers)> on_header = {};
  // The body as it comes, after kTake. False ends the exchange.
  std::function<bool(std::span<const std::byte> bytes)> on_body = {};
};

struct HttpResult {
  enum class End {
    kComplete,   // the whole answer came, as far as its own header tells
    kRefused,    // on_header or on_body said no
    kBroken,     // no connection, or it ended early
    kStalled,    // nothing to speak of came for stall_seconds
    kUntrusted,  // the server's certificate does not hold
    kTooLong,    // the header goes over kMaxHeaderBytes
  };
  int id = 0;
  End end = End::kBroken;
  int status = 0;  // 0: there was none
  HeaderFields headers = {};
  std::string detail = {};  // libcurl's words on a failure
};

// One owner thread. Callbacks are called inside Wait. Sets no signal handler; reads no environment
// variable, netrc file or cookie. Certificates are always verified, and no answer is decompressed.
class HttpPool {
 public:
  static Result<HttpPool> Create(HttpOptions options);
  HttpPool(HttpPool&&) noexcept;
  HttpPool& operator=(HttpPool&&) noexcept;
  ~HttpPool();  // ends what runs

  // The exchange's number. It runs while Wait is called.
  int Start(HttpRequest request);
  // Works for up to `most_ms`, less when an exchange ends; gives those that ended.
  std::vector<HttpResult> Wait(int most_ms);
  // Ends an exchange that runs; none of its callbacks is called any more.
  void Cancel(int id);

 private:
  struct Exchange;
  struct Multi;
  explicit HttpPool(HttpOptions options);
  void EndStalled(std::vector<HttpResult>& ended);

  HttpOptions options_;
  std::unique_ptr<Multi> multi_;
  std::map<int, std::unique_ptr<Exchange>> running_;
  int last_id_ = 0;
};

}  // namespace carat
