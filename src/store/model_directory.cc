#include "store/model_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "base/utf8.h"
#include "io/file.h"

namespace carat {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBundle = ".carat", kRecord = ".import.json", kGguf = ".gguf";

bool IsWord(std::string_view word) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !word.empty() && word.size() <= 64 && plain(word.front()) &&
         std::ranges::all_of(word,
                             [&](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; });
}

// A colon means something else in lists of paths, so the file has another sign.
std::string Stem(std::string_view name) {
  CARAT_CHECK(IsModelName(name));
  std::string stem(name);
  std::ranges::replace(stem, ':', '@');
  return stem;
}

std::string NameOfStem(std::string stem) {
  std::ranges::replace(stem, '@', ':');
  return stem;
}

std::unexpected<Error> SystemError(const fs::path& path, std::string_view action, int number) {
  return Fail({.code = ErrorCode::kIo,
               .what = fmt::format("cannot {}: {}", action, std::strerror(number)),
               .where = path.string()});
}

// The model that a file of the directory is, if it is one.
std::optional<StoredModel> ModelOf(const fs::directory_entry& entry) {
  std::error_code failed;
  const std::string file = entry.path().filename().string();
  StoredModel model{.name = {}, .path = entry.path()};
  const auto named = [&](std::string_view ending, StoredModel::Kind kind) {
    if (!file.ends_with(ending)) return false;
    model.name = NameOfStem(file.substr(0, file.size() - ending.size()));
    model.kind = kind;
    return true;
  };
  const bool regular = entry.is_regular_file(failed);
  if (regular &&
      (named(kBundle, StoredModel::Kind::kBundle) || named(kRecord, StoredModel::Kind::kImported) ||
       named(kGguf, StoredModel::Kind::kFiles))) {
    return IsModelName(model.name) ? std::optional(model) : std::nullopt;
  }
  model.name = file;
  if (IsModelName(file) && fs::exists(entry.path() / "config.json", failed)) return model;
  return std::nullopt;
}

}  // namespace

bool IsModelName(std::string_view name) {
  const size_t colon = name.find(':');
  if (colon == std::string_view::npos) return IsWord(name);
  return IsWord(name.substr(0, colon)) && IsWord(name.substr(colon + 1));
}

fs::path ModelDirectory::BundlePath(std::string_view name) const {
  return path_ / (Stem(name) + std::string(kBundle));
}
fs::path ModelDirectory::RecordPath(std::string_view name) const {
  return path_ / (Stem(name) + std::string(kRecord));
}
fs::path ModelDirectory::DownloadFolder(std::string_view name) const {
  return path_ / "downloads" / Stem(name);
}

Status ModelDirectory::Make() const {
  std::error_code failed;
  fs::create_directories(path_, failed);
  if (failed) return SystemError(path_, "make the model directory", failed.value());
  return {};
}

Result<std::vector<StoredModel>> ModelDirectory::List() const {
  std::vector<StoredModel> models;
  std::error_code failed;
  for (fs::directory_iterator entry(path_, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    if (auto model = ModelOf(*entry)) models.push_back(*std::move(model));
  }
  if (failed && failed != std::errc::no_such_file_or_directory)
    return SystemError(path_, "list the model directory", failed.value());
  std::ranges::sort(models, {}, [](const StoredModel& m) { return std::tie(m.name, m.kind); });
  // Where a name stands twice, a bundle comes before a record, and both before other files.
  const auto twice = std::ranges::unique(models, {}, &StoredModel::name);
  models.erase(twice.begin(), twice.end());
  return models;
}

Result<std::optional<StoredModel>> ModelDirectory::Find(std::string_view name) const {
  CARAT_ASSIGN(auto models, List());
  const auto found = std::ranges::find(models, name, &StoredModel::name);
  if (found == models.end()) return std::optional<StoredModel>();
  return std::optional(std::move(*found));
}

std::string ModelDirectory::Default() const {
  const auto text = ReadFile(path_ / "default", 200);
  if (!text) return "";
  const std::string name = text->substr(0, text->find('\n'));
  if (!IsModelName(name)) return "";
  const auto found = Find(name);
  return found && *found ? name : "";
}

Status ModelDirectory::SetDefault(std::string_view name) const {
  return WriteFileAtomic(path_ / "default", AsBytes(std::string(name) + "\n"));
}

Result<ModelLock> ModelDirectory::Lock(std::string_view name) const {
  CARAT_TRY(Make());
  const fs::path path = path_ / fmt::format(".{}.lock", Stem(name));
  ScopedFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd.valid()) return SystemError(path, "open the lock", errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemError(path, "take the lock", errno);
    return Fail({.code = ErrorCode::kIo,
                 .what = "another carat is at work on this model: wait for it, or stop it",
                 .where = std::string(name)});
  }
  return ModelLock(std::move(fd));
}

Result<uint64_t> ModelDirectory::Remove(std::string_view name) const {
  CARAT_ASSIGN(const ModelLock lock, Lock(name));
  CARAT_ASSIGN(const auto found, Find(name));
  std::error_code failed;
  uint64_t freed = 0;
  const fs::path downloads = DownloadFolder(name);
  const bool unfinished = fs::exists(downloads, failed);
  if (!found && !unfinished) {
    return Fail({.code = ErrorCode::kNotFound,
                 .what = "no such model",
                 .where = std::string(name),
                 .wanted = "a name that carat list shows"});
  }
  if (found && found->kind == StoredModel::Kind::kFiles && !unfinished) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "carat did not put these files there and does not remove them",
                 .where = found->path.string()});
  }
  if (unfinished) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(downloads, failed))
      if (entry.is_regular_file(failed)) freed += entry.file_size(failed);
    fs::remove_all(downloads, failed);
    if (failed) return SystemError(downloads, "remove the download", failed.value());
  }
  if (!found || found->kind == StoredModel::Kind::kFiles) return freed;
  freed += fs::file_size(found->path, failed);
  fs::remove(found->path, failed);
  if (failed) return SystemError(found->path, "remove the model", failed.value());
  return freed;
}

}  // namespace carat
