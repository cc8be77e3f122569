// Database: one SQLite file, for one program at a time. Wraps SQLite 3.40; what it refuses comes
// out as errors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace carat {

// A prepared statement. Borrows its database. One thread at a time.
class Statement {
 public:
  Statement(Statement&&) noexcept = default;
  Statement& operator=(Statement&&) noexcept = default;

  // Binds the parameters ?1, ?2, … in their order, from the first; texts are copied. Precondition:
  // the statement has as many.
  template <class... Values>
  Statement& With(const Values&... values) {
    Reset(sizeof...(values));
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
  Statement(sqlite3_stmt* statement, std::string database)
      : database_(std::move(database)), statement_(statement) {}
  void Reset(size_t values);
  void Bind(int number, int64_t value);
  void Bind(int number, std::string_view text);
  void Bind(int number, std::nullptr_t);  // NULL

  std::string database_;  // for errors
  std::unique_ptr<sqlite3_stmt, Finalise> statement_;
};

class Database {
 public:
  // Opens the file, or makes it with mode 0600; foreign keys hold, what is deleted is overwritten.
  // `application`: marks files of this kind, not 0. `migrations` are scripts that bring the file
  // from one version to the next: those that it has not had are run, each in a transaction. Errors
  // name the file: no database, of another kind, of a newer carat, in use by another program, open
  // to others.
  static Result<Database> Open(const std::filesystem::path& path, int32_t application,
                               std::span<const std::string_view> migrations);

  Result<Statement> Prepare(std::string_view sql);
  Status Run(std::string_view script);

  // Commits when Commit is called, else what was done since is undone.
  class Transaction {
   public:
    static Result<Transaction> Begin(Database& database);
    Transaction(Transaction&& other) noexcept
        : database_(std::exchange(other.database_, nullptr)) {}
    Transaction& operator=(Transaction&&) = delete;
    ~Transaction();
    Status Commit();

   private:
    explicit Transaction(Database& database) : database_(&database) {}
    Database* database_;  // null: moved from, or committed
  };

  // Nothing of what was deleted is left in the write-ahead log either. Precondition: no statement
  // stands at a row.
  Status Forget();

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  explicit Database(std::string name) : name_(std::move(name)) {}
  std::unexpected<Error> Failed() const;
  Result<int64_t> Number(std::string_view sql);
  Status Migrate(int32_t application, std::span<const std::string_view> migrations);

  std::string name_;
  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace carat
