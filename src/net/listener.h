// A listening socket and the loop that accepts.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/deadline.h"

namespace carat::net {

class Listener : public std::enable_shared_from_this<Listener> {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  // Takes a connection and the client's address, on one of the io threads, one at a time.
  using Accepted = std::function<void(Socket, const boost::asio::ip::address&)>;

  // Listens at once, accepts from Start on. Errors name the address.
  static Result<std::shared_ptr<Listener>> Open(boost::asio::io_context& io,
                                                const std::string& host, uint16_t port,
                                                int send_buffer_bytes);
  uint16_t port() const { return port_; }
  void Start(Accepted accepted);
  // Where no io thread runs any more.
  void Close();

 private:
  Listener(boost::asio::io_context& io, int send_buffer_bytes);
  void Wait();
  void Accept();
  void Pause();

  boost::asio::io_context& io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  Deadline pause_;
  const int send_buffer_bytes_;
  uint16_t port_ = 0;
  Accepted accepted_;
};

}  // namespace carat::net
