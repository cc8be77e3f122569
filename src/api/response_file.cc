#include "api/response_file.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "db/database.h"

namespace carat {
namespace {

constexpr int32_t kApplication = 0x63617231;  // "car1"
constexpr std::array<std::string_view, 1> kMigrations = {
    "CREATE TABLE responses (owner TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL,"
    " PRIMARY KEY (owner, id)) WITHOUT ROWID;"};

class ResponseFile : public ResponseArchive {
 public:
  ResponseFile(Database database, std::function<void(const Error&)> failed)
      : database_(std::move(database)), failed_(std::move(failed)) {}

  void Put(const std::string& owner, const std::string& id, const Json& document) override {
    Done(TryPut(owner, id, document.Dump()));
  }

  std::optional<Json> Get(const std::string& owner, const std::string& id) override {
    auto text = TryGet(owner, id);
    if (!Done(text) || text->empty()) return std::nullopt;
    auto document = ParseJson(*text, {.max_depth = 80, .max_nodes = 10'000'000});
    if (!Done(document)) return std::nullopt;
    return *std::move(document);
  }

  Result<bool> Remove(const std::string& owner, const std::string& id) override {
    auto removed = TryRemove(owner, id);
    // It is gone for everybody, though the disk may still show it to who looks there.
    if (removed && *removed) Done(database_.Forget());
    if (!Done(removed)) return Fail(std::move(removed).error());
    return *removed;
  }

 private:
  template <class T>
  bool Done(const Result<T>& result) {
    if (!result && failed_) failed_(result.error());
    return result.has_value();
  }

  Status TryPut(const std::string& owner, const std::string& id, const std::string& text) {
    CARAT_ASSIGN(Statement put,
                 database_.Prepare("INSERT OR REPLACE INTO responses VALUES (?, ?, ?)"));
    return put.With(owner, id, text).Run();
  }

  // Empty: there is none.
  Result<std::string> TryGet(const std::string& owner, const std::string& id) {
    CARAT_ASSIGN(Statement get,
                 database_.Prepare("SELECT document FROM responses WHERE owner = ? AND id = ?"));
    CARAT_ASSIGN(const bool found, get.With(owner, id).Step());
    return found ? get.Text(0) : std::string();
  }

  Result<bool> TryRemove(const std::string& owner, const std::string& id) {
    CARAT_ASSIGN(
        Statement remove,
        database_.Prepare("DELETE FROM responses WHERE owner = ? AND id = ? RETURNING id"));
    CARAT_ASSIGN(const bool removed, remove.With(owner, id).Step());
    CARAT_TRY(remove.Run());
    return removed;
  }

  Database database_;
  std::function<void(const Error&)> failed_;
};

}  // namespace

Result<std::unique_ptr<ResponseArchive>> OpenResponseFile(
    const std::filesystem::path& path, std::function<void(const Error&)> failed) {
  CARAT_ASSIGN(Database database, Database::Open(path, kApplication, kMigrations));
  return std::make_unique<ResponseFile>(std::move(database), std::move(failed));
}

}  // namespace carat
