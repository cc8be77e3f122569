#include "hub/http.h"

#include <curl/curl.h>
#include <fmt/core.h>

#include <utility>

#include "base/check.h"
#include "sys/clock.h"

namespace carat {
namespace {

constexpr size_t kMaxSkippedBytes = 65536;  // of a body that nobody wants
constexpr size_t kLeastBytes = 1024;        // in stall_seconds, or the exchange counts as stalled

using End = HttpResult::End;

bool InitializeOnce() {
  static const bool done = ::curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return done;
}

struct FreeEasy {
  void operator()(CURL* easy) const { ::curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};

// An option that this libcurl is known to have; it can fail only for want of memory.
template <class T>
void Set(CURL* easy, CURLoption option, T value) {
  CARAT_CHECK(::curl_easy_setopt(easy, option, value) == CURLE_OK);
}

End EndOf(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return End::kComplete;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return End::kUntrusted;
    default:
      return End::kBroken;
  }
}

}  // namespace

struct HttpPool::Multi {
  CURLM* handle = ::curl_multi_init();
  Multi() { CARAT_CHECK(handle != nullptr); }
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;
  ~Multi() { ::curl_multi_cleanup(handle); }
};

struct HttpPool::Exchange {
  Exchange(int number, HttpRequest wanted, const HttpOptions& options, CURLM* multi_handle);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() { ::curl_multi_remove_handle(multi, easy.get()); }

  static size_t OnHeader(char* data, size_t size, size_t count, void* self);
  static size_t OnBody(char* data, size_t size, size_t count, void* self);
  // Asks on_header, once; false if the exchange is to end.
  bool Decide();
  HttpResult Finish(End how);

  int id;
  HttpRequest request;
  CURLM* multi;
  std::unique_ptr<CURL, FreeEasy> easy;
  std::unique_ptr<curl_slist, FreeList> lines;
  char detail[CURL_ERROR_SIZE] = {};
  HeaderFields headers = {};
  std::optional<BodyUse> use = {};
  End refused = End::kComplete;  // other than kComplete: we ended it ourselves
  size_t skipped = 0;
  double window_start = Now();  // of what counts against a stall
  size_t window_bytes = 0;
};

HttpPool::Exchange::Exchange(int number, HttpRequest wanted, const HttpOptions& options,
                             CURLM* multi_handle)
    : id(number),
      request(std::move(wanted)),
      multi(multi_handle),
      easy(::curl_easy_init()),
      lines(::curl_slist_append(nullptr, "Accept-Encoding: identity")) {
  CARAT_CHECK(easy != nullptr && lines != nullptr);
  CURL* const e = easy.get();
  if (!request.bearer.empty()) {
    const std::string line = "Authorization: Bearer " + request.bearer;
    CARAT_CHECK(::curl_slist_append(lines.get(), line.c_str()) != nullptr);
  }
  Set(e, CURLOPT_URL, request.url.Text().c_str());
  Set(e, CURLOPT_PATH_AS_IS, 1L);
  Set(e, CURLOPT_PROTOCOLS_STR, request.url.scheme.c_str());
  Set(e, CURLOPT_FOLLOWLOCATION, 0L);
  Set(e, CURLOPT_HTTPHEADER, lines.get());
  Set(e, CURLOPT_USERAGENT, options.user_agent.c_str());
  // HTTP/2 would put all ranges on one connection, which then is as slow as one.
  Set(e, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  Set(e, CURLOPT_HTTP09_ALLOWED, 0L);
  Set(e, CURLOPT_NOSIGNAL, 1L);
  Set(e, CURLOPT_NETRC, long{CURL_NETRC_IGNORED});
  Set(e, CURLOPT_SSL_VERIFYPEER, 1L);
  Set(e, CURLOPT_SSL_VERIFYHOST, 2L);
  Set(e, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
  if (!options.ca_file.empty()) Set(e, CURLOPT_CAINFO, options.ca_file.c_str());
  // Set even where empty, so that libcurl looks at no environment variable.
  Set(e, CURLOPT_PROXY, request.url.IsLoopback() ? "" : options.proxy.c_str());
  Set(e, CURLOPT_NOPROXY, options.no_proxy.c_str());
  Set(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  Set(e, CURLOPT_TCP_KEEPALIVE, 1L);
  Set(e, CURLOPT_CONNECTTIMEOUT_MS, 0x7fffffffL);  // the stall rule covers it
  Set(e, CURLOPT_BUFFERSIZE, long{1 << 18});
  Set(e, CURLOPT_ERRORBUFFER, static_cast<char*>(detail));
  Set(e, CURLOPT_HEADERFUNCTION, &OnHeader);
  Set(e, CURLOPT_HEADERDATA, static_cast<void*>(this));
  Set(e, CURLOPT_WRITEFUNCTION, &OnBody);
  Set(e, CURLOPT_WRITEDATA, static_cast<void*>(this));
  Set(e, CURLOPT_PRIVATE, static_cast<void*>(this));
  if (request.head) Set(e, CURLOPT_NOBODY, 1L);
  if (request.range) {
    Set(e, CURLOPT_RANGE,
        fmt::format("{}-{}", request.range->begin, request.range->end - 1).c_str());
  }
  CARAT_CHECK(::curl_multi_add_handle(multi, e) == CURLM_OK);
}

size_t HttpPool::Exchange::OnHeader(char* data, size_t size, size_t count, void* self) {
  Exchange& exchange = *static_cast<Exchange*>(self);
  const std::string_view line(data, size * count);
  exchange.window_bytes += line.size();
  if (exchange.use.has_value() && !exchange.request.head) {
    if (exchange.headers.Count(line)) return line.size();  // a trailer: nothing in it is believed
  } else if (exchange.headers.AddLine(line)) {
    return line.size();
  }
  exchange.refused = End::kTooLong;
  return CURL_WRITEFUNC_ERROR;
}

bool HttpPool::Exchange::Decide() {
  if (use.has_value()) return true;
  long status = 0;
  ::curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  use = request.on_header ? request.on_header(static_cast<int>(status), headers) : BodyUse::kSkip;
  if (*use == BodyUse::kStop) refused = End::kRefused;
  return *use != BodyUse::kStop;
}

size_t HttpPool::Exchange::OnBody(char* data, size_t size, size_t count, void* self) {
  Exchange& exchange = *static_cast<Exchange*>(self);
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size * count);
  exchange.window_bytes += bytes.size();
  if (!exchange.Decide()) return CURL_WRITEFUNC_ERROR;
  if (*exchange.use == BodyUse::kSkip) {
    exchange.skipped += bytes.size();
    if (exchange.skipped <= kMaxSkippedBytes) return bytes.size();
    exchange.refused = End::kComplete;  // its header is all that was wanted
    return CURL_WRITEFUNC_ERROR;
  }
  if (exchange.request.on_body(bytes)) return bytes.size();
  exchange.refused = End::kRefused;
  return CURL_WRITEFUNC_ERROR;
}

HttpResult HttpPool::Exchange::Finish(End how) {
  long status = 0;
  ::curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  // An answer without a body, or of which only the header was wanted.
  if (how == End::kComplete) {
    Decide();
  } else if (use == BodyUse::kSkip && how == End::kBroken) {
    how = End::kComplete;
  }
  if (refused != End::kComplete) how = refused;
  return {.id = id,
          .end = how,
          .status = static_cast<int>(status),
          .headers = std::move(headers),
          .detail = static_cast<const char*>(detail)};
}

Result<HttpPool> HttpPool::Create(HttpOptions options) {
  if (!InitializeOnce()) {
    return Fail({.code = ErrorCode::kIo, .what = "libcurl does not start"});
  }
  return HttpPool(std::move(options));
}

HttpPool::HttpPool(HttpOptions options)
    : options_(std::move(options)), multi_(std::make_unique<Multi>()) {
  ::curl_multi_setopt(multi_->handle, CURLMOPT_MAXCONNECTS, long{options_.connections} * 2);
}
HttpPool::HttpPool(HttpPool&&) noexcept = default;
HttpPool& HttpPool::operator=(HttpPool&& other) noexcept {
  running_ = std::move(other.running_);  // before the multi handle that they belong to
  multi_ = std::move(other.multi_);
  options_ = std::move(other.options_);
  last_id_ = other.last_id_;
  return *this;
}
HttpPool::~HttpPool() { running_.clear(); }

int HttpPool::Start(HttpRequest request) {
  const int id = ++last_id_;
  running_[id] = std::make_unique<Exchange>(id, std::move(request), options_, multi_->handle);
  return id;
}

void HttpPool::Cancel(int id) { running_.erase(id); }

std::vector<HttpResult> HttpPool::Wait(int most_ms) {
  int active = 0;
  ::curl_multi_perform(multi_->handle, &active);
  if (active == static_cast<int>(running_.size())) {
    ::curl_multi_poll(multi_->handle, nullptr, 0, most_ms, nullptr);
    ::curl_multi_perform(multi_->handle, &active);
  }
  std::vector<HttpResult> ended;
  int left = 0;
  while (const CURLMsg* const message = ::curl_multi_info_read(multi_->handle, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    Exchange* exchange = nullptr;
    ::curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
    HttpResult result = exchange->Finish(EndOf(code));
    if (result.detail.empty()) result.detail = ::curl_easy_strerror(code);
    running_.erase(result.id);
    ended.push_back(std::move(result));
  }
  EndStalled(ended);
  return ended;
}

void HttpPool::EndStalled(std::vector<HttpResult>& ended) {
  const double now = Now();
  for (auto it = running_.begin(); it != running_.end();) {
    Exchange& exchange = *it->second;
    if (now - exchange.window_start < options_.stall_seconds) {
      ++it;
    } else if (exchange.window_bytes >= kLeastBytes) {
      exchange.window_start = now;
      exchange.window_bytes = 0;
      ++it;
    } else {
      ended.push_back(exchange.Finish(End::kStalled));
      it = running_.erase(it);
    }
  }
}

}  // namespace carat
