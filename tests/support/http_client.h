// A client that sends what bytes it likes over one connection, with or without TLS, and reads
// answers strictly. It waits long, for test machines are slow, but never for ever.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/scoped_fd.h"

namespace carat {

inline constexpr int kPatienceMs = 30'000;

// Whether it becomes true while patience lasts.
inline bool Eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

struct HttpAnswer {
  int status = 0;
  std::string head, body;
  bool whole = false;  // its framing says that it came to its end

  // Of the first field of that name, which is in the case that the server sends.
  std::string Field(std::string_view name) const {
    const std::string begin = "\r\n" + std::string(name) + ": ";
    const size_t at = head.find(begin);
    if (at == std::string::npos) return "";
    return head.substr(at + begin.size(), head.find("\r\n", at + 2) - at - begin.size());
  }
};

class HttpClient {
 public:
  // `receive_bytes`: SO_RCVBUF, where the client is to be a slow one.
  explicit HttpClient(uint16_t port, SSL_CTX* tls = nullptr, int receive_bytes = 0, bool v6 = false)
      : fd_(::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_bytes > 0)
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 to6{};
    to6.sin6_family = AF_INET6;
    to6.sin6_port = htons(port);
    to6.sin6_addr = in6addr_loopback;
    connected_ = (v6 ? ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&to6), sizeof to6)
                     : ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to)) == 0;
    timeval patience{.tv_sec = kPatienceMs / 1000, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (tls == nullptr || !connected_) return;
    ssl_.reset(SSL_new(tls));
    SSL_set_fd(ssl_.get(), fd_.get());
    connected_ = SSL_connect(ssl_.get()) == 1;
  }

  bool connected() const { return connected_; }
  int fd() const { return fd_.get(); }

  // False: the server does not take it.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ssl_ ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                             : ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }

  // One more piece into buffer(); false at the end of the connection, or of patience.
  bool Read() {
    char piece[16384];
    const ssize_t n = ssl_ ? SSL_read(ssl_.get(), piece, sizeof piece)
                           : ::recv(fd_.get(), piece, sizeof piece, 0);
    if (n > 0) buffer_.append(piece, static_cast<size_t>(n));
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) ADD_FAILURE() << "nothing came";
    return n > 0;
  }
  // Until `text` is there; false if it does not come.
  bool ReadUntil(std::string_view text) {
    while (buffer_.find(text) == std::string::npos)
      if (!Read()) return false;
    return true;
  }
  // The connection ends; what still came is in buffer().
  void ReadToEnd() {
    while (Read()) {
    }
  }
  std::string& buffer() { return buffer_; }

  // Takes the next answer from the connection.
  HttpAnswer ReadAnswer(bool of_head = false) {
    HttpAnswer answer;
    if (!ReadUntil("\r\n\r\n")) return answer;
    answer.head = Take(buffer_.find("\r\n\r\n") + 4);
    answer.status = std::atoi(answer.head.c_str() + 9);
    const std::string length = answer.Field("Content-Length");
    if (of_head || answer.status == 204 || answer.status < 200) {
      answer.whole = true;
    } else if (answer.Field("Transfer-Encoding") == "chunked") {
      answer.whole = ReadChunks(answer.body);
    } else if (!length.empty()) {
      const auto size = static_cast<size_t>(std::atoll(length.c_str()));
      while (buffer_.size() < size && Read()) {
      }
      answer.whole = buffer_.size() >= size;
      answer.body = Take(std::min(size, buffer_.size()));
    } else {
      ReadToEnd();
      answer.body = Take(buffer_.size());
      answer.whole = true;
    }
    return answer;
  }
  HttpAnswer Get(const std::string& path) {
    Send("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n");
    return ReadAnswer();
  }

  void HalfClose() { ::shutdown(fd_.get(), SHUT_WR); }
  void Close() { fd_ = ScopedFd(); }
  // As a program that crashes: with a reset.
  void Reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    Close();
  }

 private:
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  std::string Take(size_t size) {
    std::string taken = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return taken;
  }
  bool ReadChunks(std::string& body) {
    while (ReadUntil("\r\n")) {
      const std::string line = Take(buffer_.find("\r\n") + 2);
      const size_t size = std::strtoul(line.c_str(), nullptr, 16);
      while (buffer_.size() < size + 2 && Read()) {
      }
      if (buffer_.size() < size + 2) {
        body += Take(buffer_.size());
        return false;
      }
      body += Take(size);
      if (Take(2) != "\r\n") ADD_FAILURE() << "a chunk is longer than it says";
      if (size == 0) return true;
    }
    return false;
  }

  ScopedFd fd_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  bool connected_ = false;
  std::string buffer_;
};

}  // namespace carat
