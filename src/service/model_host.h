// ModelHost: the one model that is loaded, or none.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "service/service.h"

namespace carat {

// A model with the service that runs it. Lives as long as somebody holds it.
struct LoadedService {
  std::string name;  // as clients call it
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Service> service;  // ends before the engine
};

// Thread-safe.
class ModelHost {
 public:
  using Opener = std::function<Result<std::shared_ptr<LoadedService>>(const std::string& name)>;
  // `first`: the model that Get loads where none is. `idle`: after so long without a request the
  // model is unloaded; absent: never.
  ModelHost(Opener open, std::string first, std::optional<std::chrono::seconds> idle);
  ~ModelHost();

  // The loaded model, loaded now where it was unloaded; others wait meanwhile.
  Result<std::shared_ptr<LoadedService>> Get();
  // The loaded model, or null.
  std::shared_ptr<LoadedService> Loaded() const;
  // Of the model that Get gives, as clients call it; empty before the first was loaded.
  std::string Name() const;
  // In place of the one that is loaded, whose answers are cancelled.
  Status Load(const std::string& name);
  // False if none was loaded. Running answers are cancelled.
  bool Unload();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace carat
