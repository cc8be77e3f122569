// In place of cmd_pull.cc where carat is built without it (CARAT_PULL=OFF).
#include <memory>
#include <string>

#include "apps/commands.h"

namespace carat {

void AddPull(CLI::App& app, int& exit_code, const bool& offline) {
  CLI::App* command = app.add_subcommand("pull", "Not in this build, which opens no connections");
  command->allow_extras();
  command->callback([&exit_code, &offline] {
    exit_code = Report({.code = ErrorCode::kUnsupported,
                        .what = "this carat was built to open no connections",
                        .where = offline ? "--offline" : "CARAT_PULL=OFF",
                        .wanted = "carat import, for files that are here"});
  });
}

}  // namespace carat
