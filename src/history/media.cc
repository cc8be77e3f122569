// Media of conversations: each once, by its hash.
#include <algorithm>
#include <set>

#include "history/state.h"
#include "io/digest.h"
#include "io/file.h"
#include "sys/clock.h"

namespace carat {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kUnusedMs = int64_t{24} * 3600 * 1000;
constexpr size_t kMaxMedium = size_t{1} << 30;

}  // namespace

Result<HistoryMedium> History::Keep(const std::string& owner, std::span<const std::byte> bytes,
                                    const std::string& type) {
  HistoryMedium medium{.hash = Sha256Hex(bytes), .type = type, .bytes = bytes.size()};
  const std::lock_guard lock(state_->mutex);
  const fs::path path = state_->MediumPath(medium.hash);
  std::error_code ignored;
  // The file first: a row without one would be a lie.
  if (!fs::exists(path, ignored)) CARAT_TRY(WriteFileAtomic(path, bytes, 0600));
  CARAT_ASSIGN(
      Statement insert,
      state_->database.Prepare("INSERT INTO media (owner, hash, type, bytes, kept_ms, used)"
                               " VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT (owner, hash) DO UPDATE SET"
                               " kept_ms = excluded.kept_ms, used = 0 RETURNING type"));
  CARAT_TRY(
      insert.With(owner, medium.hash, type, static_cast<int64_t>(bytes.size()), UnixMs()).Step());
  medium.type = insert.Text(0);
  CARAT_TRY(insert.Run());
  return medium;
}

Result<HistoryMedium> History::Medium(const std::string& owner, const std::string& hash) const {
  const std::lock_guard lock(state_->mutex);
  CARAT_ASSIGN(
      Statement find,
      state_->database.Prepare("SELECT hash, type, bytes FROM media WHERE owner = ? AND hash = ?"));
  CARAT_ASSIGN(const bool found, find.With(owner, hash).Step());
  if (!found) return Fail(NotInHistory("medium"));
  return HistoryMedium{
      .hash = find.Text(0), .type = find.Text(1), .bytes = static_cast<uint64_t>(find.Int(2))};
}

Result<std::string> History::MediumBytes(const std::string& owner, const std::string& hash) const {
  // Its row says whose it is, and that the hash is one.
  CARAT_ASSIGN(const HistoryMedium medium, Medium(owner, hash));
  return ReadFile(state_->MediumPath(medium.hash), kMaxMedium);
}

Result<std::set<std::string>> History::State::Hashes() const {
  std::set<std::string> hashes;
  CARAT_ASSIGN(Statement rows, database.Prepare("SELECT hash FROM media"));
  for (;;) {
    CARAT_ASSIGN(const bool more, rows.Step());
    if (!more) return hashes;
    hashes.insert(rows.Text(0));
  }
}

Status History::Sweep() {
  const std::lock_guard lock(state_->mutex);
  state_->RemoveMoving();
  return state_->SweepMedia();
}

// A file without a row was left by a program that was killed, or belongs to one just deleted.
Status History::State::SweepMedia() {
  CARAT_ASSIGN(Statement remove,
               database.Prepare("DELETE FROM media WHERE (used = 1 OR kept_ms < ?) AND"
                                " number NOT IN (SELECT medium FROM uses)"));
  CARAT_TRY(remove.With(UnixMs() - kUnusedMs).Run());
  if (backups > 0) return {};  // which sweeps when it is done
  CARAT_ASSIGN(const std::set<std::string> kept, Hashes());
  std::error_code error;
  for (const auto& file : fs::directory_iterator(folder / "media", error)) {
    std::error_code ignored;
    if (!kept.contains(file.path().filename().string())) fs::remove(file.path(), ignored);
  }
  return {};
}

}  // namespace carat
