#include "db/database.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/scoped_fd.h"

namespace carat {
namespace {

constexpr int kBusyMs = 2000;

Error ErrorOf(sqlite3* handle, const std::string& name) {
  const int code = sqlite3_errcode(handle);
  const bool busy = code == SQLITE_BUSY || code == SQLITE_LOCKED;
  return {.code = busy                     ? ErrorCode::kBusy
                  : code == SQLITE_NOMEM   ? ErrorCode::kNoMemory
                  : code == SQLITE_NOTADB  ? ErrorCode::kInvalid
                  : code == SQLITE_CORRUPT ? ErrorCode::kInvalid
                                           : ErrorCode::kIo,
          .what = busy ? "the database is used by another program" : "the database can't be used",
          .where = name,
          .found = sqlite3_errmsg(handle)};
}

// SQLite would make the file as the umask says.
Status MakeFile(const std::filesystem::path& path) {
  const ScopedFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  struct stat info{};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) {
    return Fail({.code = ErrorCode::kIo,
                 .what = "the database can't be opened",
                 .where = path.string(),
                 .found = std::strerror(errno)});
  }
  if (S_ISREG(info.st_mode) && info.st_uid == ::geteuid() && (info.st_mode & 0077) == 0) return {};
  return Fail({.what = "others may read or write the database",
               .where = path.string(),
               .wanted = "a file of the user who runs carat, with mode 0600",
               .found = fmt::format("mode {:04o}", info.st_mode & 07777)});
}

}  // namespace

// --- Statement -----------------------------------------------------------------------------------

void Statement::Finalise::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

void Statement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

// A parameter that the statement does not have is found by Step's error.
void Statement::Bind(int number, int64_t value) {
  sqlite3_bind_int64(statement_.get(), number, value);
}

void Statement::Bind(int number, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), number, text.data() == nullptr ? "" : text.data(),
                      text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

Result<bool> Statement::Step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  sqlite3* const handle = sqlite3_db_handle(statement_.get());
  if (code != SQLITE_DONE) return Fail(ErrorOf(handle, ""));
  sqlite3_reset(statement_.get());  // gives up its locks
  return false;
}

Status Statement::Run() {
  for (;;) {
    CARAT_ASSIGN(const bool more, Step());
    if (!more) return {};
  }
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::string Statement::Text(int column) const {
  const auto* const text =
      reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  const int bytes = sqlite3_column_bytes(statement_.get(), column);
  return text == nullptr ? std::string() : std::string(text, static_cast<size_t>(bytes));
}

// --- Database ------------------------------------------------------------------------------------

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

std::unexpected<Error> Database::Failed() const { return Fail(ErrorOf(handle_.get(), name_)); }

Result<Database> Database::Open(const std::filesystem::path& path,
                                std::span<const std::string_view> migrations) {
  CARAT_TRY(MakeFile(path));
  Database database(path.string());
  sqlite3* handle = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &handle,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, nullptr);
  database.handle_.reset(handle);
  if (handle == nullptr) return Fail({.code = ErrorCode::kNoMemory, .what = "no memory"});
  if (opened != SQLITE_OK) return database.Failed();
  sqlite3_busy_timeout(handle, kBusyMs);
  // A file from elsewhere runs no functions and is checked as it is read.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  CARAT_TRY(
      database.Run("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                   "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                   "PRAGMA secure_delete = ON; PRAGMA cell_size_check = ON;"));
  CARAT_TRY(database.Migrate(migrations));
  return database;
}

Result<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()), &statement,
                         nullptr) != SQLITE_OK) {
    return Failed();
  }
  return Statement(statement);
}

Status Database::Run(std::string_view script) {
  if (sqlite3_exec(handle_.get(), std::string(script).c_str(), nullptr, nullptr, nullptr) !=
      SQLITE_OK) {
    return Failed();
  }
  return {};
}

Result<int64_t> Database::Number(std::string_view sql) {
  CARAT_ASSIGN(Statement statement, Prepare(sql));
  auto row = statement.Step();
  if (!row) return Fail(Within(name_, std::move(row).error()));
  return *row ? statement.Int(0) : 0;
}

Status Database::Migrate(std::span<const std::string_view> migrations) {
  CARAT_ASSIGN(const int64_t version, Number("PRAGMA user_version"));
  const auto newest = static_cast<int64_t>(migrations.size());
  if (version < 0 || version > newest) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "the database is of another program, or of a newer carat",
                 .where = name_,
                 .wanted = fmt::format("version 0 to {}", newest),
                 .found = std::to_string(version)});
  }
  for (int64_t next = version; next < newest; ++next) {
    Transaction transaction(*this);
    CARAT_TRY(Run(migrations[static_cast<size_t>(next)]));
    CARAT_TRY(Run(fmt::format("PRAGMA user_version = {}", next + 1)));
    CARAT_TRY(transaction.Commit());
  }
  return {};
}

Status Database::Forget() {
  CARAT_ASSIGN(Statement statement, Prepare("PRAGMA wal_checkpoint(TRUNCATE)"));
  return statement.Run();
}

Database::Transaction::Transaction(Database& database)
    : database_(database), begun_(database.Run("BEGIN IMMEDIATE")) {}

Database::Transaction::~Transaction() {
  if (begun_) static_cast<void>(database_.Run("ROLLBACK"));
}

Status Database::Transaction::Commit() {
  CARAT_TRY(begun_);
  CARAT_TRY(database_.Run("COMMIT"));
  begun_ = Fail({});
  return {};
}

}  // namespace carat
