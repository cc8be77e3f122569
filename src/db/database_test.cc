// Database: what is committed stays, what is deleted is gone from the disk, files that are none are
// errors.
#include "db/database.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/temp_folder.h"

namespace carat {
namespace {

constexpr auto kOwner = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;

constexpr std::array<std::string_view, 2> kMigrations = {
    "CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT) STRICT;"
    "CREATE TABLE children (parent INTEGER NOT NULL REFERENCES parents (id)) STRICT;",
    "ALTER TABLE parents ADD COLUMN more TEXT NOT NULL DEFAULT 'm';"};

Result<Database> OpenIn(const TempFolder& folder, size_t versions = kMigrations.size()) {
  return Database::Open(folder / "a.db", 7, std::span(kMigrations).first(versions));
}

int64_t CountOf(Database& database, std::string_view table) {
  Statement count = database.Prepare("SELECT count(*) FROM " + std::string(table)).value();
  EXPECT_TRUE(count.Step().value());
  return count.Int(0);
}

TEST(Database, KeepsWhatWasCommitted) {
  const TempFolder folder;
  const std::string odd("a\0b'\"\xC3\xA9", 7);
  {
    ASSERT_VALUE(Database database, OpenIn(folder));
    ASSERT_VALUE(Statement insert,
                 database.Prepare("INSERT INTO parents (id, name) VALUES (?, ?)"));
    EXPECT_TRUE(insert.With(int64_t{1} << 40, odd).Run().has_value());
    EXPECT_TRUE(insert.With(int64_t{2}, "").Run().has_value());
    EXPECT_FALSE(insert.With(int64_t{2}, "twice").Run().has_value());
    {
      const auto undone = Database::Transaction::Begin(database);
      EXPECT_TRUE(insert.With(int64_t{3}, "undone").Run().has_value());
    }
    ASSERT_VALUE(auto done, Database::Transaction::Begin(database));
    EXPECT_TRUE(insert.With(int64_t{4}, "done").Run().has_value());
    EXPECT_TRUE(done.Commit().has_value());
  }
  ASSERT_VALUE(Database database, OpenIn(folder));
  ASSERT_VALUE(Statement select, database.Prepare("SELECT id, name FROM parents ORDER BY id DESC"));
  ASSERT_TRUE(select.Step().value());
  EXPECT_EQ(select.Int(0), int64_t{1} << 40);
  EXPECT_EQ(select.Text(1), odd);
  EXPECT_EQ(CountOf(database, "parents"), 3);
}

TEST(Database, MigratesStepByStep) {
  const TempFolder folder;
  {
    ASSERT_VALUE(Database database, OpenIn(folder, 1));
    EXPECT_TRUE(database.Run("INSERT INTO parents VALUES (1, 'old')").has_value());
  }
  {
    ASSERT_VALUE(Database database, OpenIn(folder));
    ASSERT_VALUE(Statement select, database.Prepare("SELECT more FROM parents"));
    ASSERT_TRUE(select.Step().value());
    EXPECT_EQ(select.Text(0), "m");
  }
  const auto older = OpenIn(folder, 1);
  ASSERT_FALSE(older.has_value());
  EXPECT_EQ(older.error().code, ErrorCode::kUnsupported);
  ExpectError(older, {"a.db", "newer carat", "found 2"});
}

TEST(Database, HoldsForeignKeys) {
  const TempFolder folder;
  ASSERT_VALUE(Database database, OpenIn(folder));
  EXPECT_FALSE(database.Run("INSERT INTO children VALUES (7)").has_value());
  EXPECT_TRUE(database.Run("INSERT INTO parents (id) VALUES (7)").has_value());
  EXPECT_TRUE(database.Run("INSERT INTO children VALUES (7)").has_value());
}

TEST(Database, LeavesNothingOfWhatWasDeleted) {
  const TempFolder folder;
  const std::string secret = "a-secret-that-nobody-else-writes";
  const auto found = [&] {
    for (const auto& file : std::filesystem::directory_iterator(folder.path()))
      if (MustRead(file.path()).find(secret) != std::string::npos) return true;
    return false;
  };
  ASSERT_VALUE(Database database, OpenIn(folder));
  ASSERT_VALUE(Statement insert, database.Prepare("INSERT INTO parents (name) VALUES (?)"));
  for (int i = 0; i < 200; ++i)
    EXPECT_TRUE(insert.With(std::string(200, 'x') + secret).Run().has_value());
  EXPECT_TRUE(found());
  EXPECT_TRUE(database.Run("DELETE FROM parents").has_value());
  EXPECT_TRUE(database.Forget().has_value());
  EXPECT_FALSE(found());
}

TEST(Database, RefusesWhatIsNoneOrNotSafe) {
  const TempFolder folder;
  std::filesystem::create_directory(folder / "folder");
  ExpectError(Database::Open(folder / "folder", 7, kMigrations), {"folder"});
  ExpectError(Database::Open(folder / "not" / "there", 7, kMigrations), {"there"});
  std::ofstream(folder / "a.db") << std::string(4096, 'x');
  std::filesystem::permissions(folder / "a.db", kOwner);
  const auto none = OpenIn(folder);
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, ErrorCode::kInvalid);
  std::filesystem::permissions(folder / "a.db", kOwner | std::filesystem::perms::group_read |
                                                    std::filesystem::perms::others_read);
  ExpectError(OpenIn(folder), {"a.db", "0600", "0644"});
}

// In a process of its own: SQLite's locks are those of processes.
TEST(Database, IsForOneProgramAtATime) {
  const TempFolder folder;
  ASSERT_VALUE(Database database, OpenIn(folder));
  const pid_t child = ::fork();
  if (child == 0) {
    const auto second = OpenIn(folder);
    ::_exit(!second && second.error().code == ErrorCode::kBusy ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(Database, RefusesAnotherKind) {
  const TempFolder folder;
  {
    ASSERT_VALUE(Database database, OpenIn(folder));
  }
  ExpectError(Database::Open(folder / "a.db", 8, kMigrations), {"a.db", "something else"});
  {
    ASSERT_VALUE(Database other, Database::Open(folder / "b.db", 7, {}));
    EXPECT_TRUE(other.Run("CREATE TABLE mine (x)").has_value());
  }
  ExpectError(Database::Open(folder / "b.db", 7, kMigrations), {"b.db", "something else"});
}

TEST(Database, MadeFilesAreTheUsersAlone) {
  const TempFolder folder;
  ASSERT_VALUE(Database database, OpenIn(folder));
  for (const auto& file : std::filesystem::directory_iterator(folder.path()))
    EXPECT_EQ(std::filesystem::status(file).permissions(), kOwner) << file;
}

}  // namespace
}  // namespace carat
