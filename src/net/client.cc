#include "net/client.h"

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <cstdlib>
#include <utility>

namespace carat::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr uint64_t kMostBytes = uint64_t{16} << 20;
constexpr std::chrono::milliseconds kLook{100};

struct Place {
  std::string host, port;
};

Result<Place> PlaceOf(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  const auto bad = [&] {
    return Fail({.what = "no address of a server on this machine",
                 .where = url.substr(0, 80),
                 .wanted = "http://127.0.0.1:PORT"});
  };
  if (!url.starts_with(kScheme)) return bad();
  std::string rest = url.substr(kScheme.size());
  if (rest.ends_with('/')) rest.pop_back();
  const size_t colon = rest.rfind(':');
  Place place{rest.substr(0, colon), "80"};
  if (colon != std::string::npos && !rest.ends_with(']')) place.port = rest.substr(colon + 1);
  if (rest.ends_with(']')) place.host = rest;
  if (place.host == "[::1]") place.host = "::1";
  if (place.host == "localhost") place.host = "127.0.0.1";
  beast::error_code failed;
  const auto address = asio::ip::make_address(place.host, failed);
  if (failed || !address.is_loopback() ||
      place.port.find_first_not_of("0123456789") != std::string::npos)
    return bad();
  return place;
}

using Take = std::function<bool(std::string_view)>;

// One exchange, step by step, each within the time that is left.
class Exchange {
 public:
  Exchange(const Place& place, const ClientRequest& asked, const Take& take)
      : place_(place), asked_(asked), take_(take), stream_(context_) {}

  Result<Reply> Whole() {
    CARAT_TRY(SendRequest());
    http::response_parser<http::string_body> parser;
    parser.body_limit(kMostBytes);
    http::async_read(stream_, buffer_, parser, Note());
    CARAT_TRY(Step("the server's answer is none"));
    return ReplyOf(parser.get(), parser.get().body());
  }

  Result<Reply> Stream() {
    CARAT_TRY(SendRequest());
    http::response_parser<http::buffer_body> parser;
    parser.body_limit(boost::none);
    http::async_read_header(stream_, buffer_, parser, Note());
    CARAT_TRY(Step("the server's answer is none"));
    const bool good = parser.get().result() == http::status::ok;
    std::string refusal;
    std::array<char, 16384> piece{};
    while (!parser.is_done()) {
      parser.get().body().data = piece.data();
      parser.get().body().size = piece.size();
      http::async_read_some(stream_, buffer_, parser, Note());
      CARAT_TRY(Step("the server's answer broke off"));
      const std::string_view come(piece.data(), piece.size() - parser.get().body().size);
      if (good && !come.empty() && !take_(come)) return Cancelled();
      if (!good && refusal.size() < kMostBytes) refusal += come;
    }
    return ReplyOf(parser.get(), std::move(refusal));
  }

 private:
  std::function<void(beast::error_code, size_t)> Note() {
    stream_.expires_after(std::chrono::milliseconds(asked_.timeout_ms));
    return [this](beast::error_code error, size_t) { failed_ = error; };
  }

  Status SendRequest() {
    const auto address = asio::ip::make_address(place_.host);
    const auto port = static_cast<uint16_t>(std::strtoul(place_.port.c_str(), nullptr, 10));
    stream_.expires_after(std::chrono::milliseconds(asked_.timeout_ms));
    stream_.async_connect(tcp::endpoint(address, port),
                          [this](beast::error_code error) { failed_ = error; });
    if (const Status connected = Step("nobody answers there"); !connected) {
      Error error = connected.error();
      if (error.code == ErrorCode::kIo) error.code = ErrorCode::kNotFound;
      return Fail(std::move(error));
    }
    http::request<http::string_body> request{http::string_to_verb(asked_.method), asked_.target,
                                             11};
    request.set(http::field::host, place_.host.find(':') == std::string::npos
                                       ? place_.host + ":" + place_.port
                                       : "[" + place_.host + "]:" + place_.port);
    request.set(http::field::connection, "close");
    for (const auto& [name, value] : asked_.fields) request.set(name, value);
    request.body() = asked_.body;
    request.prepare_payload();
    http::async_write(stream_, request, Note());
    // A server that refuses may answer before it has taken everything: what it says is read all the
    // same.
    const Status sent = Step("the server takes no request");
    if (!sent && sent.error().code == ErrorCode::kCancelled) return sent;
    return {};
  }

  // Until what was begun has ended.
  Status Step(std::string_view what) {
    context_.restart();
    while (!context_.stopped()) {
      context_.run_for(kLook);
      if (context_.stopped() || !take_ || take_({})) continue;
      stream_.close();
      context_.run();
      return Cancelled();
    }
    if (!failed_ || failed_ == http::error::need_buffer) return {};
    return Fail({.code = ErrorCode::kIo, .what = std::string(what), .where = asked_.url});
  }

  static std::unexpected<Error> Cancelled() {
    return Fail({.code = ErrorCode::kCancelled, .what = "cancelled"});
  }

  template <class Head>
  static Reply ReplyOf(const Head& head, std::string body) {
    return {.status = static_cast<int>(head.result_int()),
            .content_type = std::string(head[http::field::content_type]),
            .body = std::move(body)};
  }

  const Place& place_;
  const ClientRequest& asked_;
  const Take& take_;  // may be empty
  asio::io_context context_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  beast::error_code failed_;
};

Result<Reply> Asked(const ClientRequest& request, const Take& take) {
  CARAT_ASSIGN(const Place place, PlaceOf(request.url));
  try {
    Exchange exchange(place, request, take);
    return take ? exchange.Stream() : exchange.Whole();
  } catch (const std::exception&) {  // out of memory, or of descriptors
    return Fail({.code = ErrorCode::kIo, .what = "the request failed", .where = request.url});
  }
}

}  // namespace

Result<Reply> Ask(const ClientRequest& request) { return Asked(request, {}); }

Result<Reply> AskStream(const ClientRequest& request, const Take& take) {
  return Asked(request, take);
}

}  // namespace carat::net
