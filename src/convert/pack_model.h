// From a model's files to one bundle.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "bundle/pack.h"
#include "engine/engine.h"

namespace carat {

struct PackOptions {
  std::filesystem::path out;
  // Where files came from, by the paths that the engine opened; files without an entry keep their
  // own names.
  std::map<std::filesystem::path, BundleOrigin> origins = {};
  std::string carat_version = {};
  BundleProgress progress = {};
};

// Packs the text model, the embedders and the drafter of an engine that was opened without loading.
// Warnings name the files of a folder that are left out. Errors: those of WriteBundle; a bundle
// can't be packed again.
Status PackModel(const Engine& engine, const PackOptions& options,
                 std::vector<std::string>& warnings);

}  // namespace carat
