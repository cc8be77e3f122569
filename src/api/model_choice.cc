#include "api/model_choice.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace carat {

bool NamesModel(const std::string& asked, const std::string& loaded) {
  return asked == loaded || asked == "carat" || asked == "default";
}

ApiError NoSuchModel(const std::string& asked, const std::string& loaded) {
  return {.status = 404,
          .code = "model_not_found",
          .param = "model",
          .message = fmt::format("There is no model {} here; the model is {}.", Quoted(asked, 80),
                                 Quoted(loaded))};
}

std::expected<std::shared_ptr<LoadedService>, ApiError> ServiceFor(
    ModelHost& host, const std::optional<std::string>& model) {
  auto service = host.Get();
  if (!service) {
    const ErrorCode code = service.error().code;
    // Nothing of it is the client's doing.
    if (code == ErrorCode::kBusy || code == ErrorCode::kNoMemory)
      return std::unexpected(ToApiError(service.error()));
    return std::unexpected(ApiError{.status = 503,
                                    .code = "model_unavailable",
                                    .message = "The model can't be loaded; the server knows why.",
                                    .retry_after_s = 10});
  }
  if (model && !NamesModel(*model, (*service)->name)) {
    return std::unexpected(NoSuchModel(*model, (*service)->name));
  }
  return *std::move(service);
}

}  // namespace carat
