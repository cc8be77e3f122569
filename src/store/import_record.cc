#include "store/import_record.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/utf8.h"
#include "io/digest.h"
#include "io/file.h"
#include "io/json.h"

namespace carat {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostRecord = size_t{4} << 20;
constexpr size_t kStep = size_t{16} << 20;

// "sha256-…" of Ollama, and the 64 digits that a link in a Hugging Face cache leads to.
std::string HashInName(const fs::path& path) {
  std::error_code failed;
  std::string name = fs::canonical(path, failed).filename().string();
  if (name.starts_with("sha256-")) name = name.substr(7);
  return !failed && IsDigest(Digest::Kind::kSha256, name) ? name : "";
}

// `tell` gets the bytes of each step.
Result<std::string> HashFile(const fs::path& path, const std::function<bool(uint64_t)>& tell) {
  CARAT_ASSIGN(const MappedFile file, MappedFile::Open(path));
  Digest digest;
  for (size_t at = 0; at < file.bytes().size(); at += kStep) {
    const auto step = file.bytes().subspan(at, std::min(kStep, file.bytes().size() - at));
    digest.Add(step);
    DropPages(step);
    if (!tell(step.size()))
      return Fail({.code = ErrorCode::kCancelled, .what = "cancelled while reading the files"});
  }
  return digest.Hex();
}

Error Changed(const fs::path& path, std::string wanted, std::string found) {
  return {.what = "this file is damaged, or not the one that it was",
          .where = path.string(),
          .wanted = std::move(wanted),
          .found = std::move(found)};
}

}  // namespace

Status WriteImportRecord(const fs::path& path, const ImportRecord& record) {
  Json json, files{Json::Array()};
  json.Set("format", 1);
  json.Set("model", record.model.string());
  if (!record.embedders.empty()) json.Set("embedders", record.embedders.string());
  if (!record.drafter.empty()) json.Set("drafter", record.drafter.string());
  if (!record.drafts) json.Set("drafts", false);
  for (const ImportedFile& file : record.files) {
    Json one;
    one.Set("path", file.path.string());
    one.Set("size", static_cast<size_t>(file.size));
    one.Set("sha256", file.sha256);
    files.array().push_back(std::move(one));
  }
  json.Set("files", std::move(files));
  return WriteFileAtomic(path, AsBytes(json.Dump(1) + "\n"));
}

Result<ImportRecord> ReadImportRecord(const fs::path& path) {
  CARAT_ASSIGN(const std::string text, ReadFile(path, kMostRecord));
  auto record = ParseImportRecord(text);
  if (!record) return Fail(Within(path.string(), record.error()));
  return record;
}

Result<ImportRecord> ParseImportRecord(std::string_view text) {
  CARAT_ASSIGN(const Json json, ParseJson(text));
  const JsonView root(json, "");
  CARAT_TRY(root.Int("format", 1, 1));
  ImportRecord record;
  CARAT_ASSIGN(record.model, root.String("model"));
  CARAT_ASSIGN(record.embedders, root.StringOr("embedders", ""));
  CARAT_ASSIGN(record.drafter, root.StringOr("drafter", ""));
  CARAT_ASSIGN(record.drafts, root.BoolOr("drafts", true));
  if (!record.model.is_absolute()) return Fail(root.Wrong("an absolute path in model"));
  CARAT_ASSIGN(const JsonView files, root.Array("files"));
  if (files.value().array().empty()) return Fail(files.Wrong("at least one file"));
  for (size_t i = 0; i < files.value().array().size(); ++i) {
    const JsonView view = files.At(i);
    ImportedFile& file = record.files.emplace_back();
    CARAT_ASSIGN(file.path, view.String("path"));
    CARAT_ASSIGN(const int64_t size, view.Int("size", 0, INT64_MAX));
    file.size = static_cast<uint64_t>(size);
    CARAT_ASSIGN(file.sha256, view.String("sha256"));
    if (!IsDigest(Digest::Kind::kSha256, file.sha256))
      return Fail(view.Wrong("a sha256 of 64 hexadecimal digits"));
  }
  return record;
}

Result<std::vector<ImportedFile>> HashFiles(const std::vector<fs::path>& paths,
                                            const ImportProgress& progress) {
  std::vector<ImportedFile> files;
  uint64_t total = 0, done = 0;
  for (const fs::path& path : paths) {
    std::error_code failed;
    const uint64_t size = fs::file_size(path, failed);
    if (failed) {
      return Fail({.code = ErrorCode::kIo,
                   .what = "cannot look at the file: " + failed.message(),
                   .where = path.string()});
    }
    total += size;
    files.push_back({.path = path, .size = size, .sha256 = {}, .named_sha256 = HashInName(path)});
  }
  for (ImportedFile& file : files) {
    CARAT_ASSIGN(file.sha256, HashFile(file.path, [&](uint64_t bytes) {
                   done += bytes;
                   return !progress || progress(done, total);
                 }));
    if (!file.named_sha256.empty() && file.named_sha256 != file.sha256) {
      return std::unexpected(
          Changed(file.path, "SHA-256 " + file.named_sha256 + ", as its name says", file.sha256));
    }
  }
  return files;
}

Status VerifyImport(const ImportRecord& record, const ImportProgress& progress) {
  std::vector<fs::path> paths;
  for (const ImportedFile& file : record.files) {
    std::error_code failed;
    const uint64_t size = fs::file_size(file.path, failed);
    if (failed) {
      return Fail({.code = ErrorCode::kNotFound,
                   .what = "this file is not there any more: " + failed.message(),
                   .where = file.path.string()});
    }
    if (size != file.size) {
      return std::unexpected(
          Changed(file.path, fmt::format("{} bytes", file.size), std::to_string(size)));
    }
    paths.push_back(file.path);
  }
  CARAT_ASSIGN(const auto found, HashFiles(paths, progress));
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i].sha256 != record.files[i].sha256) {
      return std::unexpected(
          Changed(found[i].path, "SHA-256 " + record.files[i].sha256, found[i].sha256));
    }
  }
  return {};
}

}  // namespace carat
