#include "db/database.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
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
  return Fail({.what = "this may not hold the database",
               .where = path.string(),
               .wanted = "a plain file of the user who runs carat, with mode 0600",
               .found = fmt::format("{}, mode {:04o}",
                                    !S_ISREG(info.st_mode)       ? "no plain file"
                                    : info.st_uid != ::geteuid() ? "a file of another user"
                                                                 : "a file",
                                    info.st_mode & 07777)});
}

}  // namespace

// --- Statement -----------------------------------------------------------------------------------

void Statement::Finalise::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

void Statement::Reset(size_t values) {
  CARAT_CHECK(sqlite3_bind_parameter_count(statement_.get()) == static_cast<int>(values));
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

void Statement::Bind(int number, int64_t value) {
  sqlite3_bind_int64(statement_.get(), number, value);
}

void Statement::Bind(int number, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), number, text.data() == nullptr ? "" : text.data(),
                      text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void Statement::Bind(int number, std::nullptr_t) { sqlite3_bind_null(statement_.get(), number); }

Result<bool> Statement::Step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  sqlite3* const handle = sqlite3_db_handle(statement_.get());
  if (code != SQLITE_DONE) return Fail(ErrorOf(handle, database_));
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

Result<Database> Database::Open(const std::filesystem::path& path, int32_t application,
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
  // SQL can't break the file. (Its schema has to be trusted, for triggers to write indexes of text;
  // what it could call by that are SQLite's own functions.)
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  CARAT_TRY(
      database.Run("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                   "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                   "PRAGMA secure_delete = ON; PRAGMA cell_size_check = ON;"
                   "PRAGMA temp_store = MEMORY;"));
  CARAT_TRY(database.Migrate(application, migrations));
  return database;
}

Result<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()), &statement,
                         nullptr) != SQLITE_OK) {
    return Failed();
  }
  return Statement(statement, name_);
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
  CARAT_ASSIGN(const bool row, statement.Step());
  return row ? statement.Int(0) : 0;
}

Status Database::Migrate(int32_t application, std::span<const std::string_view> migrations) {
  CARAT_ASSIGN(const int64_t version, Number("PRAGMA user_version"));
  CARAT_ASSIGN(const int64_t kind, Number("PRAGMA application_id"));
  CARAT_ASSIGN(const int64_t tables, Number("SELECT count(*) FROM sqlite_schema"));
  if (kind != application && (kind != 0 || version != 0 || tables != 0)) {
    return Fail({.what = "this database holds something else", .where = name_});
  }
  const auto newest = static_cast<int64_t>(migrations.size());
  if (version < 0 || version > newest) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "the database is of a newer carat",
                 .where = name_,
                 .wanted = fmt::format("version 0 to {}", newest),
                 .found = std::to_string(version)});
  }
  for (int64_t next = version; next < newest; ++next) {
    CARAT_ASSIGN(Transaction transaction, Transaction::Begin(*this));
    CARAT_TRY(Run(migrations[static_cast<size_t>(next)]));
    CARAT_TRY(Run(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", application,
                              next + 1)));
    CARAT_TRY(transaction.Commit());
  }
  return {};
}

Status Database::Forget() {
  CARAT_ASSIGN(Statement statement, Prepare("PRAGMA wal_checkpoint(TRUNCATE)"));
  return statement.Run();
}

Result<Database::Transaction> Database::Transaction::Begin(Database& database) {
  CARAT_TRY(database.Run("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Database::Transaction::~Transaction() {
  if (database_ != nullptr) static_cast<void>(database_->Run("ROLLBACK"));
}

Status Database::Transaction::Commit() {
  CARAT_TRY(database_->Run("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace carat
