// Database: one SQLite file, for one program at a time. Wraps SQLite 3.40; what it refuses comes
// out as errors.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace carat {

// A prepared statement. Borrows its database. One thread at a time.
class Statement {
 public:
  Statement(Statement&&) noexcept = default;
  Statement& operator=(Statement&&) noexcept = default;

  // Binds the parameters ?1, ?2, … in their order, from the first; texts are copied.
  template <class... Values>
  Statement& With(const Values&... values) {
    Reset();
    int number = 0;
    (Bind(++number, values), ...);
    return *this;
  }
  // The next row; false: there are no more.
  Result<bool> Step();
  // To its end, rows or not.
  Status Run();

  // Of the row that Step came to; column 0 is the first. NULL gives 0 and "".
  int64_t Int(int column) const;
  std::string Text(int column) const;

 private:
  friend class Database;
  struct Finalise {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  void Reset();
  void Bind(int number, int64_t value);
  void Bind(int number, std::string_view text);

  std::unique_ptr<sqlite3_stmt, Finalise> statement_;
};

class Database {
 public:
  // Opens the file, or makes it with mode 0600; foreign keys hold, what is deleted is overwritten.
  // `migrations` are scripts that bring the file from one version to the next: those that it has
  // not had are run, each in a transaction. Errors name the file: no database, of a newer carat, in
  // use by another program, readable or writable by others.
  static Result<Database> Open(const std::filesystem::path& path,
                               std::span<const std::string_view> migrations);

  Result<Statement> Prepare(std::string_view sql);
  Status Run(std::string_view script);

  // Commits when Commit is called, else what was done since is undone.
  class Transaction {
   public:
    explicit Transaction(Database& database);
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction();
    Status Commit();

   private:
    Database& database_;
    Status begun_;
  };

  // Nothing of what was deleted is left in the write-ahead log either.
  Status Forget();

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  explicit Database(std::string name) : name_(std::move(name)) {}
  std::unexpected<Error> Failed() const;
  Result<int64_t> Number(std::string_view sql);
  Status Migrate(std::span<const std::string_view> migrations);

  std::string name_;
  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace carat
