// Server: HTTP/1.1 on Boost.Beast. It knows neither JSON nor models; every limit is in limits.h.
//
//   connection threads   accept, read, write: asynchronous, a few threads for all connections
//   handler threads      run Handler::Handle, one request each; it may block
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "net/limits.h"
#include "net/message.h"

namespace carat::net {

// The answering side of one request, for one handler thread; OnClosed is called in another.
class Exchange {
 public:
  virtual ~Exchange() = default;

  // A whole answer. At most one of Send and Begin, once.
  virtual void Send(Reply reply) = 0;

  // With HEAD the body is left away here, for Begin too.
  // An answer that is written piece by piece (chunked; HTTP/1.0 clients get it until the connection
  // is closed). `head.body` is its first piece and may be empty.
  virtual bool Begin(Reply head) = 0;
  // Queues a piece. Blocks while the client reads too slowly, at most limits.write_stall_ms. False:
  // the client is gone, or too slow, or the server stops now; nothing more will be sent.
  virtual bool Write(std::string_view piece) = 0;
  virtual void End() = 0;

  // `closed` takes the place of the one before. It is called at most once, soon after the client
  // goes away before the answer has ended, or when the server's grace for stopping is over. It must
  // not block, throw, or call this exchange. Called at once where that has happened already. Not
  // called any more once the handler has returned. A client that ends its sending side counts as
  // gone, as it does for nginx: it cannot be told from one that has closed. One that vanishes from
  // the network is noticed only when a write fails or stalls.
  virtual void OnClosed(std::function<void()> closed) = 0;
};

// What the server asks of its owner. All methods are called in several threads at once.
class Handler {
 public:
  virtual ~Handler() = default;

  // Before a body is read: the most bytes it may have, or an answer that refuses the request. In a
  // connection thread: it must not block.
  virtual std::variant<size_t, Reply> Admit(const RequestHead& head) = 0;
  // In a handler thread. Must answer through `exchange` before it returns or throws; else the
  // client gets a 500, or a broken connection where the answer had begun.
  virtual void Handle(const Request& request, Exchange& exchange) = 0;
  // An answer for what does not reach Handle or is not answered by it: 400 not HTTP, 408 too slow,
  // 413 body too large, 431 header too large, 500 the handler failed, 503 too many at once, 505 not
  // HTTP/1. `what`: one sentence for people, without a final stop. `path`: of the request, empty
  // where it was not read. It must not block.
  virtual Reply Refuse(int status, std::string_view what, std::string_view path) = 0;
  // Fields that every answer gets, those of Refuse included.
  virtual Fields AllAnswers() const = 0;
};

struct ServerOptions {
  std::string host = "127.0.0.1";  // an address, or "localhost"
  uint16_t port = 0;               // 0: a free one
  // PEM files; both or none. With them every connection is TLS (1.2 or newer).
  std::filesystem::path certificate = {}, key = {};
  Limits limits = {};
};

// Owns its threads. Thread-safe.
class Server {
 public:
  // Listens; requests are served from now on. Borrows the handler. Errors name the address or file.
  static Result<std::unique_ptr<Server>> Listen(ServerOptions options, Handler& handler);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();  // Stop with no grace

  uint16_t port() const;
  std::string url() const;  // "http://127.0.0.1:8080"

  struct Counts {
    size_t connections = 0, handling = 0;        // now
    uint64_t accepted = 0, requests = 0;         // all time
    uint64_t refused = 0, slow = 0, broken = 0;  // by Refuse; too slow; gone before the end
  };
  Counts counts() const;

  // Takes no new connection or request; answers in progress may end within `grace`, then their
  // OnClosed is called and their connections are closed. Returns when no handler runs any more, and
  // so may not be called by one.
  void Stop(std::chrono::milliseconds grace);

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace carat::net
