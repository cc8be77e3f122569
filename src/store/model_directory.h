// The model directory: what `carat pull`, `carat import` and `carat pack` keep, by name.
//
//   NAME.carat         a bundle             (NAME@TAG.carat for "NAME:TAG")
//   NAME.import.json   files that lie elsewhere (import_record.h)
//   default            the name that is taken where none is given
//   parts/             single files: drafters and embedders for imported models
//   downloads/NAME/    what a download has so far
//   .NAME.lock         held while somebody changes NAME
// GGUF files and Hugging Face folders that somebody put there are models too, by their file names.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/scoped_fd.h"

namespace carat {

// A model's name: 1 to 64 of the characters a-z A-Z 0-9 . _ -, the first a letter or a digit; and
// the same once more behind a colon, its tag. Nothing else becomes a part of a path here.
bool IsModelName(std::string_view name);

struct StoredModel {
  enum class Kind {
    kBundle,    // `path` is the bundle
    kImported,  // `path` is the record
    kFiles,     // put there by hand: a GGUF file or a folder
  };
  std::string name;
  Kind kind = Kind::kFiles;
  std::filesystem::path path;
};

// Held while a model is changed; let go when destroyed, or when the process ends.
class ModelLock {
 public:
  explicit ModelLock(ScopedFd fd) : fd_(std::move(fd)) {}

 private:
  ScopedFd fd_;
};

// Stateless but for its path: other processes may change the directory at any time.
class ModelDirectory {
 public:
  explicit ModelDirectory(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  // Where these lie or would lie. Precondition: IsModelName(name).
  std::filesystem::path BundlePath(std::string_view name) const;
  std::filesystem::path RecordPath(std::string_view name) const;
  std::filesystem::path DownloadFolder(std::string_view name) const;
  std::filesystem::path PartsFolder() const { return path_ / "parts"; }

  // Makes it if it is not there.
  Status Make() const;
  // By name. An absent directory holds nothing.
  Result<std::vector<StoredModel>> List() const;
  // Absent where there is none of this name.
  Result<std::optional<StoredModel>> Find(std::string_view name) const;

  // The model that is taken where none is named; empty where none was chosen, or it is gone.
  std::string Default() const;
  Status SetDefault(std::string_view name) const;

  // An error that says so where another process holds it. Precondition: IsModelName(name).
  Result<ModelLock> Lock(std::string_view name) const;
  // Removes a bundle or a record, and the unfinished download of the name: never a file that was
  // imported. Gives the bytes that are free now. kFiles are refused: carat did not put them there.
  Result<uint64_t> Remove(std::string_view name) const;

 private:
  std::filesystem::path path_;
};

}  // namespace carat
