// carat: Gemma 4 12B Unified on one's own computer.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "apps/commands.h"
#include "apps/output.h"
#include "apps/places.h"
#include "apps/serve_config.h"
#include "apps/terminal.h"

namespace carat {

int Report(const Error& error) {
  PrintErr("carat: {}\n", EscapeLine(error.Message()));
  return error.code == ErrorCode::kCancelled ? 130 : 2;
}

CLI::Validator WholeNumber() {
  return {[](const std::string& text) -> std::string {
            uint64_t value = 0;
            const char* const end = text.data() + text.size();
            const auto [after, bad] = std::from_chars(text.data(), end, value);
            if (bad == std::errc() && after == end) return "";
            return "not a whole number from 0 to 18446744073709551615: " + EscapeLine(text);
          },
          "UINT"};
}

CLI::Validator NotEmpty() {
  return {[](const std::string& text) -> std::string { return text.empty() ? "empty" : ""; },
          "TEXT"};
}

}  // namespace carat

int main(int argc, char** argv) {
  CLI::App app(
      "carat runs Google's Gemma 4 12B Unified on your own computer.\nWithout a command it opens "
      "its "
      "page in a browser, as carat page.",
      "carat");
  app.set_version_flag("--version", "carat " + std::string(carat::kVersion));
  app.require_subcommand(1);
  app.fallthrough();  // --offline may stand behind the command
  int exit_code = 0;
  bool offline = false;
  carat::AddRun(app, exit_code);
  CLI::App* serve = carat::AddServe(app, exit_code, offline);
  carat::AddPage(app, exit_code);
  carat::AddStatus(app, exit_code);
  carat::AddBackup(app, exit_code);
  carat::AddTranscribe(app, exit_code);
  carat::AddBench(app, exit_code);
  carat::AddDescribe(app, exit_code);
  carat::AddPlan(app, exit_code);
  app.add_flag("--offline", offline, "open no connection to another machine, whatever is asked");
  carat::AddPull(app, exit_code, offline);
  carat::AddImport(app, exit_code);
  carat::AddModels(app, exit_code);
  carat::AddPack(app, exit_code);
  carat::AddQuantize(app, exit_code);
  carat::AddUnpack(app, exit_code);
  carat::AddInspect(app, exit_code);
  std::vector<std::string> given(argv + 1, argv + argc);
  if (given.empty()) given.emplace_back("page");
  auto arguments =
      carat::WithConfig(std::move(given), *serve, carat::ConfigFolder() / "serve.conf");
  if (!arguments) return carat::Report(arguments.error());
  std::ranges::reverse(*arguments);  // as CLI11 takes them
  try {
    app.parse(*std::move(arguments));
  } catch (const CLI::ParseError& e) {
    const bool asked = app.exit(e) == 0;  // --help, --version
    std::cout.flush();
    return asked && std::cout ? 0 : 2;
  }
  carat::Status done = carat::FlushOutput();
  while (done && carat::OutputPending()) done = carat::FlushOutput();
  if (!done && exit_code == 0) exit_code = carat::Report(done.error());
  return exit_code;
}
