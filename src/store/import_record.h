// A model whose files lie where another program put them: which they are, and what they were when
// they were imported.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace carat {

struct ImportedFile {
  std::filesystem::path path;  // absolute
  uint64_t size = 0;
  std::string sha256;
  // The hash that the file's own name says (Ollama and the Hugging Face cache name files so); empty
  // where it says none.
  std::string named_sha256 = {};
};

struct ImportRecord {
  std::filesystem::path model;      // a GGUF file or a folder
  std::filesystem::path embedders;  // empty: none of its own
  std::filesystem::path drafter;    // empty: none
  bool drafts = true;               // false: none is wanted, whatever lies beside the model
  std::vector<ImportedFile> files;  // all of them, a folder's and shards included
};

Status WriteImportRecord(const std::filesystem::path& path, const ImportRecord& record);
Result<ImportRecord> ReadImportRecord(const std::filesystem::path& path);
Result<ImportRecord> ParseImportRecord(std::string_view text);

// Bytes done and to do; false cancels.
using ImportProgress = std::function<bool(uint64_t done, uint64_t total)>;

// Size and hash of the files at these paths (of a folder: what carat reads of it). An error where a
// file's own name says another hash: it is damaged.
Result<std::vector<ImportedFile>> HashFiles(const std::vector<std::filesystem::path>& paths,
                                            const ImportProgress& progress);
// An error that names the first file that is not what it was.
Status VerifyImport(const ImportRecord& record, const ImportProgress& progress);

}  // namespace carat
