// Where carat keeps what is the user's. $CARAT_HOME holds all of it, where it is set.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace carat {

// $CARAT_HOME, $XDG_CONFIG_HOME/carat or ~/.config/carat: serve.conf and api-keys.
std::filesystem::path ConfigFolder();
// $CARAT_HOME, $XDG_STATE_HOME/carat or ~/.local/state/carat: what a running server says of itself.
std::filesystem::path StateFolder();

// $CARAT_HOME, $XDG_DATA_HOME/carat or ~/.local/share/carat: models and conversations.
std::filesystem::path DataFolder();

// Makes one of them, with mode 0700, where it is not there.
Status MakeFolder(const std::filesystem::path& folder);

}  // namespace carat
