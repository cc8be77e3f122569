#include "apps/server_record.h"

#include <unistd.h>

#include <csignal>
#include <system_error>

#include "apps/input.h"
#include "apps/places.h"
#include "base/bytes.h"
#include "io/file.h"
#include "io/json.h"

namespace carat {
namespace {

namespace fs = std::filesystem;

fs::path RecordPath() { return StateFolder() / "server.json"; }

Result<Json> ReadRecord() {
  CARAT_ASSIGN(Json json, ReadJsonFile(RecordPath().string()));
  return json;
}

bool IsOf(const Json& json, int64_t pid) {
  const Json* found = json.Find("pid");
  return found != nullptr && found->is_int() && found->integer() == pid;
}

}  // namespace

Result<ServerRecord> ServerRecord::Write(const Content& content) {
  const fs::path path = RecordPath();
  CARAT_TRY(MakeFolder(path.parent_path()));
  Json json;
  json.Set("url", content.url);
  json.Set("pid", static_cast<int64_t>(::getpid()));
  json.Set("key_file", content.key_file);
  json.Set("model_path", content.model_path);
  CARAT_TRY(WriteFileAtomic(path, AsBytes(json.Dump() + "\n"), 0600));
  return ServerRecord(path);
}

Result<ServerRecord::Content> ServerRecord::Read() {
  const auto json = ReadRecord();
  const Json* pid = json ? json->Find("pid") : nullptr;
  if (pid == nullptr || !pid->is_int() || ::kill(static_cast<pid_t>(pid->integer()), 0) != 0) {
    return Fail({.code = ErrorCode::kNotFound,
                 .what = "no server of yours runs",
                 .wanted = "carat serve, or --url"});
  }
  const JsonView view(*json, RecordPath().string());
  Content content;
  CARAT_ASSIGN(content.url, view.String("url"));
  CARAT_ASSIGN(content.key_file, view.StringOr("key_file", ""));
  CARAT_ASSIGN(content.model_path, view.StringOr("model_path", ""));
  return content;
}

ServerRecord::~ServerRecord() {
  if (path_.empty()) return;
  const auto json = ReadRecord();
  std::error_code ignored;
  if (json && IsOf(*json, ::getpid())) fs::remove(path_, ignored);
}

}  // namespace carat
