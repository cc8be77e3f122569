// The model that a request names.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "api/api_error.h"
#include "service/model_host.h"

namespace carat {

// Whether a client may call the model `loaded` so: by its name, or as "carat" or "default".
bool NamesModel(const std::string& asked, const std::string& loaded);

ApiError NoSuchModel(const std::string& asked, const std::string& loaded);

// The loaded model, loaded now where it was unloaded. 404 "model_not_found" where the request names
// another: requests load no models by name. An absent name is any.
std::expected<std::shared_ptr<LoadedService>, ApiError> ServiceFor(
    ModelHost& host, const std::optional<std::string>& model);

}  // namespace carat
