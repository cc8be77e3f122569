// The archive of stored responses in a file, so that they outlive the server (carat serve --store).
#pragma once

#include <filesystem>
#include <memory>

#include "api/response_store.h"
#include "base/result.h"

namespace carat {

// Errors name the file (db/database.h). `failed` is told what could not be written or read later;
// the responses are then as if they had not been kept.
Result<std::unique_ptr<ResponseArchive>> OpenResponseFile(const std::filesystem::path& path,
                                                          std::function<void(const Error&)> failed);

}  // namespace carat
