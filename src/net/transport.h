// Bytes to and from one client, with or without TLS. All of it on the transport's strand: calls are
// made there and `done` runs there. One Read and one Write may be under way at a time.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

namespace carat::net {

class Transport {
 public:
  using Done = std::function<void(boost::system::error_code, size_t bytes)>;
  virtual ~Transport() = default;

  virtual boost::asio::any_io_executor strand() = 0;
  // First of all. Without TLS done at once.
  virtual void Handshake(Done done) = 0;
  // At least one byte, or an error. The bytes stay valid until `done` runs.
  virtual void Read(std::span<char> into, Done done) = 0;
  virtual void Write(std::string_view bytes, Done done) = 0;
  // A Read under way ends with an error, soon.
  virtual void CancelRead() = 0;
  // Tells the client that nothing more will be sent. No Read or Write may be under way.
  virtual void Shutdown(Done done) = 0;
  // After Shutdown: what the client still sends, encrypted or not.
  virtual void ReadRaw(std::span<char> into, Done done) = 0;
  // At once. What is under way ends with an error.
  virtual void Close() = 0;
};

using Socket = boost::asio::ip::tcp::socket;

// The socket's executor is the strand.
std::unique_ptr<Transport> MakePlainTransport(Socket socket);
// Borrows the context.
std::unique_ptr<Transport> MakeTlsTransport(Socket socket, boost::asio::ssl::context& context);

}  // namespace carat::net
