// carat page: the page in a browser, with a server behind it.
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "apps/commands.h"
#include "apps/open_page.h"
#include "apps/server_record.h"

namespace carat {
namespace {

Status Run() {
  const auto server = ServerRecord::Read();
  if (server) return OpenPage(*server);
  if (server.error().code != ErrorCode::kNotFound) return Fail(server.error());
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
