// carat page: the page in a browser, with a server behind it.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <thread>

#include "apps/commands.h"
#include "apps/open_page.h"
#include "apps/output.h"
#include "apps/own_server.h"
#include "apps/places.h"
#include "base/scoped_fd.h"

namespace carat {
namespace {

// Held by the server that carat page becomes, until it ends: who comes while it loads waits for it,
// and does not load the model again. A lock of the process: it stays in exec, and no child has it.
// Absent: another has it.
Result<std::optional<ScopedFd>> TakeTurn() {
  CARAT_TRY(MakeFolder(StateFolder()));
  const auto path = StateFolder() / "page.lock";
  ScopedFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  if (!fd.valid()) {
    return Fail({.code = ErrorCode::kIo,
                 .what = "the lock can't be made",
                 .where = path.string(),
                 .found = std::strerror(errno)});
  }
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd.get(), F_SETLK, &lock) == 0) return std::optional(std::move(fd));
  if (errno == EACCES || errno == EAGAIN) return std::nullopt;
  return Fail({.code = ErrorCode::kIo,
               .what = "the lock can't be taken",
               .where = path.string(),
               .found = std::strerror(errno)});
}

Status Run() {
  std::optional<ScopedFd> turn;
  for (bool told = false;; told = true) {
    const auto server = FindOwnServer();
    if (server) return OpenPage(*server);
    if (server.error().code != ErrorCode::kNotFound) return Fail(server.error());
    CARAT_ASSIGN(turn, TakeTurn());
    if (turn) break;
    if (!told) PrintErr("carat: another carat page is starting the server; Ctrl-C ends waiting\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  // This program becomes the server, and opens the page once it serves.
  std::string program = "carat", serve = "serve", open = "--open-page";
  const std::array<char*, 4> arguments = {program.data(), serve.data(), open.data(), nullptr};
  ::execv("/proc/self/exe", arguments.data());
  return Fail({.code = ErrorCode::kIo,
               .what = "carat serve can't be started",
               .found = std::strerror(errno)});
}

}  // namespace

void AddPage(CLI::App& app, int& exit_code) {
  CLI::App* page =
      app.add_subcommand("page", "Open the page in a browser; starts carat serve where none runs");
  page->callback([&exit_code] {
    if (const Status done = Run(); !done) exit_code = Report(done.error());
  });
}

}  // namespace carat
