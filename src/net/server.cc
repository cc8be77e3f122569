#include "net/server.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "net/connection.h"
#include "net/core.h"
#include "net/listener.h"
#include "net/registry.h"
#include "net/tls.h"

namespace carat::net {

namespace asio = boost::asio;

namespace {

// An address of IPv4 that came as one of IPv6 is one of IPv4.
asio::ip::address Plain(const asio::ip::address& address) {
  const bool mapped = address.is_v6() && address.to_v6().is_v4_mapped();
  if (!mapped) return address;
  return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

std::string LocalOf(const Socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.local_endpoint(error);
  if (error) return "";
  const asio::ip::address address = Plain(endpoint.address());
  return (address.is_v6() ? "[" + address.to_string() + "]" : address.to_string()) + ":" +
         std::to_string(endpoint.port());
}

}  // namespace

struct Server::State {
  State(ServerOptions all_options, Handler& handler)
      : options(std::move(all_options)), core(options.limits, handler), registry(core.limits) {}

  void Accept(Socket socket, const asio::ip::address& address);
  Status StartThreads();
  void Run();

  const ServerOptions options;
  Core core;
  std::unique_ptr<asio::ssl::context> tls;
  Registry registry;
  asio::io_context io;  // after what its handlers use, which it may still hold when it goes
  asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(io);
  std::shared_ptr<Listener> listener;
  uint64_t next_id = 0;  // of connections; the listener's strand
  std::vector<std::thread> threads;
  std::mutex stop_mutex;
  bool stopped = false;
};

void Server::State::Accept(Socket socket, const asio::ip::address& address) {
  if (core.stopping) return;
  ++core.accepted;
  const bool loopback = Plain(address).is_loopback();
  const std::string name = address.to_string();
  const Registry::Verdict verdict = registry.Enter(name);
  if (verdict == Registry::Verdict::kNo) return;
  const uint64_t id = next_id++;
  try {
    const std::string local = LocalOf(socket);
    auto transport =
        tls ? MakeTlsTransport(std::move(socket), *tls) : MakePlainTransport(std::move(socket));
    const Connection::Peer peer = {.local = local,
                                   .loopback = loopback,
                                   .tls = tls != nullptr,
                                   .too_many = verdict == Registry::Verdict::kTooMany};
    auto connection = std::make_shared<Connection>(std::move(transport), core, peer,
                                                   [this, id, name] { registry.Leave(id, name); });
    registry.Add(id, name, connection);
    connection->Start();
    // Stop may have asked all others in between.
    if (core.stopping) connection->CloseUnlessAnswering();
  } catch (...) {
    registry.Leave(id, name);
    throw;
  }
}

// What is thrown here is memory that is not there: one connection suffers, the others go on.
void Server::State::Run() {
  while (true) {
    try {
      io.run();
      return;
    } catch (const std::exception&) {
      continue;
    }
  }
}

Status Server::State::StartThreads() {
  try {
    for (size_t i = 0; i < std::max<size_t>(1, core.limits.io_threads); ++i)
      threads.emplace_back([this] { Run(); });
  } catch (const std::system_error& error) {
    if (threads.empty())
      return Fail({.code = ErrorCode::kNoMemory,
                   .what = "no thread could be started",
                   .found = error.what()});
  }
  return {};
}

Result<std::unique_ptr<Server>> Server::Listen(ServerOptions options, Handler& handler) {
  try {
    auto state = std::make_unique<State>(std::move(options), handler);
    if (!state->options.certificate.empty() || !state->options.key.empty()) {
      CARAT_ASSIGN(state->tls, LoadTls(state->options.certificate, state->options.key));
    }
    CARAT_ASSIGN(state->listener,
                 Listener::Open(state->io, state->options.host, state->options.port,
                                state->core.limits.send_buffer_bytes));
    CARAT_TRY(state->StartThreads());
    State& running = *state;
    state->listener->Start([&running](Socket socket, const asio::ip::address& address) {
      running.Accept(std::move(socket), address);
    });
    return std::unique_ptr<Server>(new Server(std::move(state)));
  } catch (const std::exception& error) {
    return Fail(
        {.code = ErrorCode::kIo, .what = "the server could not be set up", .found = error.what()});
  }
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() { Stop(std::chrono::milliseconds(0)); }

uint16_t Server::port() const { return state_->listener->port(); }

std::string Server::url() const {
  const std::string& host = state_->options.host;
  const bool v6 = host.find(':') != std::string::npos;
  return std::string(state_->tls ? "https://" : "http://") + (v6 ? "[" + host + "]" : host) + ":" +
         std::to_string(port());
}

Server::Counts Server::counts() const {
  const Core& core = state_->core;
  return {.connections = state_->registry.size(),
          .handling = core.pool.running(),
          .accepted = core.accepted,
          .requests = core.requests,
          .refused = core.refused,
          .slow = core.slow,
          .broken = core.broken};
}

void Server::Stop(std::chrono::milliseconds grace) {
  State& state = *state_;
  const std::lock_guard lock(state.stop_mutex);
  if (std::exchange(state.stopped, true)) return;
  const auto until = std::chrono::steady_clock::now() + grace;
  state.core.stopping = true;
  // The port is kept until the end, and who comes is turned away: as long as a connection of ours
  // is open, nobody else listens where it was.
  for (const auto& connection : state.registry.All()) connection->CloseUnlessAnswering();
  for (auto next = until; !state.registry.WaitUntilEmpty(next); next += std::chrono::seconds(1)) {
    for (const auto& connection : state.registry.All()) connection->CloseNow();
  }
  state.core.pool.Stop();
  state.work.reset();
  state.io.stop();
  for (std::thread& thread : state.threads) thread.join();
  state.listener->Close();
}

}  // namespace carat::net
