#include "net/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <cerrno>
#include <exception>
#include <utility>

namespace carat::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Without descriptors or memory, accepting again at once would fail again at once.
constexpr int64_t kPauseMs = 100;
// Before others on this thread have their turn.
constexpr int kAcceptsAtOnce = 32;

void Set(int fd, int level, int option, int value) {
  (void)::setsockopt(fd, level, option, &value, sizeof value);  // slower without, not wrong
}

}  // namespace

Listener::Listener(asio::io_context& io, int send_buffer_bytes)
    : io_(io),
      acceptor_(asio::make_strand(io)),
      pause_(acceptor_.get_executor()),
      send_buffer_bytes_(send_buffer_bytes) {}

Result<std::shared_ptr<Listener>> Listener::Open(asio::io_context& io, const std::string& host,
                                                 uint16_t port, int send_buffer_bytes) {
  error_code error;
  const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
  if (error)
    return Fail({.what = "the host to listen on is not known",
                 .where = host,
                 .wanted = "an IP address, or localhost"});
  const std::string where = host + " port " + std::to_string(port);
  std::shared_ptr<Listener> listener(new Listener(io, send_buffer_bytes));
  tcp::acceptor& acceptor = listener->acceptor_;
  const tcp::endpoint endpoint(address, port);
  acceptor.open(endpoint.protocol(), error);
  if (!error) (void)::fcntl(acceptor.native_handle(), F_SETFD, FD_CLOEXEC);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (!error) acceptor.native_non_blocking(true, error);
  if (error == asio::error::address_in_use)
    return Fail(
        {.code = ErrorCode::kIo, .what = "the port is in use by another program", .where = where});
  tcp::endpoint bound;
  if (!error) bound = acceptor.local_endpoint(error);
  if (error)
    return Fail({.code = ErrorCode::kIo,
                 .what = "cannot listen there",
                 .where = where,
                 .found = error.message()});
  listener->port_ = bound.port();
  return listener;
}

void Listener::Start(Accepted accepted) {
  accepted_ = std::move(accepted);
  asio::post(acceptor_.get_executor(), [self = shared_from_this()] { self->Wait(); });
}

void Listener::Close() {
  error_code ignored;
  acceptor_.close(ignored);
  pause_.Disarm();
}

void Listener::Wait() {
  if (!acceptor_.is_open()) return;
  acceptor_.async_wait(tcp::acceptor::wait_read, [self = shared_from_this()](error_code error) {
    if (self->acceptor_.is_open() && !error) self->Accept();
  });
}

// By hand and not by Asio, whose sockets every program inherits that is started meanwhile.
void Listener::Accept() {
  for (int i = 0; i < kAcceptsAtOnce; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int fd = ::accept4(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&address),
                             &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (fd < 0) return Pause();
    Set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (send_buffer_bytes_ > 0) Set(fd, SOL_SOCKET, SO_SNDBUF, send_buffer_bytes_);
    Socket socket(asio::make_strand(io_));
    error_code error;
    socket.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), fd, error);
    if (error) {
      ::close(fd);
      return Pause();
    }
    const tcp::endpoint peer = socket.remote_endpoint(error);
    if (error) continue;  // gone already
    try {
      accepted_(std::move(socket), peer.address());
    } catch (const std::exception&) {
      return Pause();  // no memory
    }
  }
  Wait();
}

void Listener::Pause() {
  pause_.Arm(kPauseMs, [self = shared_from_this()] { self->Wait(); });
}

}  // namespace carat::net
