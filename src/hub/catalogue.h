// What `carat pull NAME[:TAG]` knows: which files make up a model, and where they are.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace carat {

enum class FileRole {
  kText,       // the model itself
  kEmbedders,  // of pictures and sound (mmproj)
  kDrafter,    // the MTP drafter
};
std::string_view ToString(FileRole role);

struct CatalogueFile {
  FileRole role;
  std::string_view repository;
  std::string_view remote_file;
  std::string_view revision;
  std::string_view local_name;  // a file name, unique within its entry
  uint64_t size;                // expected, for telling before the hub was asked; 0: not known
};

struct CatalogueEntry {
  std::string_view name, tag;
  std::string_view description;
  std::span<const CatalogueFile> files;  // one per role, in the roles' order

  std::string FullName() const;  // "name:tag"
  // Of all files; 0 if one of them is not known.
  uint64_t size() const;
};

// All entries. Among those of one name the first is the one meant without a tag.
std::span<const CatalogueEntry> Catalogue();

// "name" or "name:tag", each [a-z0-9][a-z0-9._-]{0,63}; capital letters are not the same letters.
Status CheckModelName(std::string_view text);
// Null pointer if the catalogue has no such entry, or the text is no model name.
const CatalogueEntry* FindInCatalogue(std::string_view text);

}  // namespace carat
