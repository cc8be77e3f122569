#include "net/client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <optional>

namespace carat::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr uint64_t kMostBytes = uint64_t{16} << 20;

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

// One exchange, step by step, each within the time that is left.
class Exchange {
 public:
  explicit Exchange(int timeout_ms) : stream_(context_) {
    stream_.expires_after(std::chrono::milliseconds(timeout_ms));
  }

  Result<Reply> Run(const Place& place, const ClientRequest& asked) {
    const auto address = asio::ip::make_address(place.host);
    const auto port = static_cast<uint16_t>(std::strtoul(place.port.c_str(), nullptr, 10));
    stream_.async_connect(tcp::endpoint(address, port), [&](beast::error_code e) { failed_ = e; });
    if (!Step()) return Broken(asked, "nobody answers there");
    http::request<http::string_body> request{http::string_to_verb(asked.method), asked.target, 11};
    request.set(http::field::host, place.host.find(':') == std::string::npos
                                       ? place.host + ":" + place.port
                                       : "[" + place.host + "]:" + place.port);
    request.set(http::field::connection, "close");
    for (const auto& [name, value] : asked.fields) request.set(name, value);
    request.body() = asked.body;
    request.prepare_payload();
    http::async_write(stream_, request, [&](beast::error_code e, size_t) { failed_ = e; });
    if (!Step()) return Broken(asked, "the server takes no request");
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kMostBytes);
    http::async_read(stream_, buffer, parser, [&](beast::error_code e, size_t) { failed_ = e; });
    if (!Step()) return Broken(asked, "the server's answer is none");
    auto answer = parser.release();
    Reply reply{.status = static_cast<int>(answer.result_int()),
                .content_type = std::string(answer[http::field::content_type]),
                .body = std::move(answer.body())};
    return reply;
  }

 private:
  bool Step() {
    context_.restart();
    context_.run();
    return !failed_;
  }
  Result<Reply> Broken(const ClientRequest& asked, std::string what) const {
    return Fail({.code = ErrorCode::kIo, .what = std::move(what), .where = asked.url});
  }

  asio::io_context context_;
  beast::tcp_stream stream_;
  beast::error_code failed_;
};

}  // namespace

Result<Reply> Ask(const ClientRequest& request) {
  CARAT_ASSIGN(const Place place, PlaceOf(request.url));
  try {
    return Exchange(request.timeout_ms).Run(place, request);
  } catch (const std::exception&) {  // out of memory, or of descriptors
    return Fail({.code = ErrorCode::kIo, .what = "the request failed", .where = request.url});
  }
}

}  // namespace carat::net
