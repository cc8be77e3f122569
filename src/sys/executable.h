// Where the running program lies.
#pragma once

#include <filesystem>

namespace carat {

// The folder of the program's file, links followed. Empty where the system does not say.
std::filesystem::path ExecutableFolder();

}  // namespace carat
