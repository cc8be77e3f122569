// The configuration file of a command: NAME = VALUE, where names are those of the command's
// options.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace carat {

// What the file says, as arguments of the command line ("--port=8012"). Lines are empty, begin with
// '#', or hold an option's name without its dashes, '=' and its value; an option without a value is
// true or false. Values may stand in double quotes. An option that may be given again may stand
// again. Errors name file and line.
Result<std::vector<std::string>> ConfigArguments(std::string_view text, const std::string& where,
                                                 const CLI::App& command);

// The command line with what the file of --config says, or the usual one if there is none, put
// behind the command's name, so that what was given by hand comes later. Unchanged where the
// command is another.
Result<std::vector<std::string>> WithConfig(std::vector<std::string> arguments,
                                            const CLI::App& command,
                                            const std::filesystem::path& usual);

}  // namespace carat
