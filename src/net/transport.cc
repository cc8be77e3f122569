#include "net/transport.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <utility>

namespace carat::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(Socket socket) : socket_(std::move(socket)) {}

  asio::any_io_executor strand() override { return socket_.get_executor(); }
  void Handshake(Done done) override { Post(std::move(done)); }
  void Read(std::span<char> into, Done done) override {
    socket_.async_read_some(asio::buffer(into.data(), into.size()), std::move(done));
  }
  void Write(std::string_view bytes, Done done) override {
    socket_.async_write_some(asio::buffer(bytes), std::move(done));
  }
  void CancelRead() override {
    error_code ignored;
    socket_.cancel(ignored);
  }
  void Shutdown(Done done) override {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
    Post(std::move(done));
  }
  void ReadRaw(std::span<char> into, Done done) override { Read(into, std::move(done)); }
  void Close() override {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  void Post(Done done) {
    asio::post(socket_.get_executor(), [done = std::move(done)] { done({}, 0); });
  }

  Socket socket_;
};

class TlsTransport final : public Transport {
 public:
  TlsTransport(Socket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {}

  asio::any_io_executor strand() override { return stream_.get_executor(); }
  void Handshake(Done done) override {
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [done = std::move(done)](error_code error) { done(error, 0); });
  }
  void Read(std::span<char> into, Done done) override {
    stream_.async_read_some(asio::buffer(into.data(), into.size()), std::move(done));
  }
  void Write(std::string_view bytes, Done done) override {
    stream_.async_write_some(asio::buffer(bytes), std::move(done));
  }
  void CancelRead() override {
    error_code ignored;
    stream_.next_layer().cancel(ignored);
  }
  void Shutdown(Done done) override {
    stream_.async_shutdown([this, done = std::move(done)](error_code error) {
      error_code ignored;
      stream_.next_layer().shutdown(Socket::shutdown_send, ignored);
      done(error, 0);
    });
  }
  void ReadRaw(std::span<char> into, Done done) override {
    stream_.next_layer().async_read_some(asio::buffer(into.data(), into.size()), std::move(done));
  }
  void Close() override {
    error_code ignored;
    stream_.next_layer().close(ignored);
  }

 private:
  asio::ssl::stream<Socket> stream_;
};

}  // namespace

std::unique_ptr<Transport> MakePlainTransport(Socket socket) {
  return std::make_unique<PlainTransport>(std::move(socket));
}

std::unique_ptr<Transport> MakeTlsTransport(Socket socket, asio::ssl::context& context) {
  return std::make_unique<TlsTransport>(std::move(socket), context);
}

}  // namespace carat::net
