// Which model a command means, and how it is opened.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/engine.h"
#include "store/model_directory.h"

namespace carat {

// $CARAT_HOME/models, or $XDG_DATA_HOME/carat/models, or ~/.local/share/carat/models.
ModelDirectory Models();

// "~/…" with the home directory in front.
std::string ExpandHome(const std::string& path);

struct ModelChoice {
  std::string name = {};  // as clients of a server call it
  std::filesystem::path model = {};
  // Of an imported model; empty: what the engine finds.
  std::filesystem::path embedders = {}, drafter = {};
  bool drafts = true;  // false: imported without a drafter
};

// A path as it stands, the name of a model in Models(), or "point"; without a name, the default of
// Models(), its only text model, or carat-point where it holds none. Errors say where was looked
// and what is there.
Result<ModelChoice> ChooseModel(const std::string& name);
Result<ModelChoice> ChooseStored(const StoredModel& model);
// Only a name in Models(), or "carat-point": what others than the program's user may choose.
Result<ModelChoice> ChooseNamed(const std::string& name);
// Opens the model that ChooseModel takes; `options` say the rest. Warnings go to standard error,
// and with `say` also which model it is, where nobody named one or it is carat-point.
Result<std::unique_ptr<Engine>> OpenModel(const std::string& name, EngineOptions options, bool say);
// The same of a model that has been chosen, without telling which.
Result<std::unique_ptr<Engine>> OpenChosen(const ModelChoice& choice, EngineOptions options);
// carat-point, which carat brings along: beside the installed program or in its source tree. Absent
// where neither holds it.
std::optional<std::filesystem::path> PointModel();

}  // namespace carat
