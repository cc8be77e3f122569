// carat: Gemma 4 12B Unified on one's own computer.
#include "apps/commands.h"
#include "apps/output.h"
#include "apps/terminal.h"

namespace carat {

int Report(const Error& error) {
  PrintErr("carat: {}\n", EscapeLine(error.Message()));
  return error.code == ErrorCode::kCancelled ? 130 : 2;
}

void PrintWarnings(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) PrintErr("carat: warning: {}\n", EscapeLine(warning));
}

}  // namespace carat

int main(int argc, char** argv) {
  CLI::App app("carat runs Google's Gemma 4 12B Unified on your own computer.");
  app.set_version_flag("--version", "carat 0.1.0");
  app.require_subcommand(1);
  int exit_code = 0;
  carat::AddRun(app, exit_code);
  carat::AddInspect(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  if (const carat::Status done = carat::FlushOutput(); !done && exit_code == 0)
    exit_code = carat::Report(done.error());
  return exit_code;
}
