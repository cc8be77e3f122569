// carat backup: a copy of all conversations.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>

#include "apps/commands.h"
#include "apps/input.h"
#include "apps/output.h"
#include "apps/own_server.h"
#include "apps/places.h"
#include "apps/terminal.h"
#include "history/history.h"
#include "io/json.h"
#include "net/client.h"

namespace carat {
namespace {

namespace fs = std::filesystem;

struct BackupOptions {
  std::string folder, history;
};

constexpr int kCopyMs = 24 * 3600 * 1000;

// By the server that has the conversations open, which may be unable to write elsewhere.
Status ByServer(const OwnServer& server, const fs::path& folder) {
  std::error_code failed;
  if (fs::exists(folder, failed)) {
    return Fail({.what = "there is something already",
                 .where = folder.string(),
                 .wanted = "a name that is not there yet"});
  }
  CARAT_ASSIGN(const net::Reply reply, net::Ask({.url = server.url,
                                                 .method = "POST",
                                                 .target = "/v1/carat/backup",
                                                 .fields = server.KeyFields(),
                                                 .timeout_ms = kCopyMs}));
  const auto json = ParseJson(reply.body);
  const fs::path made = json ? StringIn(*json, "folder") : "";
  if (reply.status != 200 || made.empty()) {
    const std::string message = ErrorIn(reply).message;
    return Fail({.code = ErrorCode::kIo,
                 .what = "the server made no copy",
                 .where = server.url,
                 .found = message.empty() ? fmt::format("status {}", reply.status) : message});
  }
  if (!fs::is_regular_file(made / "history.db", failed)) {
    return Fail({.what = "what the server names is no copy", .where = made.string()});
  }
  fs::rename(made, folder, failed);
  if (!failed) return {};
  // Of another file system: it gets its name once it is whole.
  const fs::path part = folder.string() + ".part";
  fs::copy(made, part, fs::copy_options::recursive, failed);
  std::error_code ignored;
  for (const fs::path& inner : {part, part / "media"})
    fs::permissions(inner, fs::perms::owner_all, ignored);
  if (!failed) fs::rename(part, folder, failed);
  if (failed) fs::remove_all(part, ignored);
  fs::remove_all(made, ignored);
  if (!failed) return {};
  return Fail({.code = ErrorCode::kIo,
               .what = "the copy can't be put there",
               .where = folder.string(),
               .found = failed.message()});
}

Status Run(const BackupOptions& o) {
  fs::path folder = fs::absolute(o.folder);
  if (!folder.has_filename()) folder = folder.parent_path();  // behind a slash
  const auto server = FindOwnServer();
  if (!server && server.error().code != ErrorCode::kNotFound) return Fail(server.error());
  if (server && o.history.empty()) {
    CARAT_TRY(ByServer(*server, folder));
  } else {
    const fs::path kept = o.history.empty() ? DataFolder() / "history" : fs::path(o.history);
    std::error_code ignored;
    if (!fs::exists(kept / "history.db", ignored)) {
      return Fail({.code = ErrorCode::kNotFound,
                   .what = "no conversations are kept there",
                   .where = kept.string()});
    }
    CARAT_ASSIGN(const auto history, History::Open(kept));
    CARAT_TRY(history->Backup(folder));
  }
  Print("{}\n", EscapeLine(folder.string()));
  return {};
}

}  // namespace

void AddBackup(CLI::App& app, int& exit_code) {
  auto o = std::make_shared<BackupOptions>();
  CLI::App* backup = app.add_subcommand(
      "backup",
      "Copy all conversations with their media to a new folder, while the server runs or "
      "not; carat serve --history FOLDER serves the copy");
  backup->add_option("FOLDER", o->folder, "a name that is not there yet")
      ->required()
      ->check(NotEmpty());
  backup
      ->add_option("--history", o->history,
                   "the folder to copy, of a server that does not run; if not given, that of the "
                   "server that runs, or " +
                       DataFolder().string() + "/history")
      ->check(NotEmpty());
  backup->callback([o, &exit_code] {
    if (const Status done = Run(*o); !done) exit_code = Report(done.error());
  });
}

}  // namespace carat
