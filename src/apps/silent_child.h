// A program that is started beside this one, and says nothing here.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace carat {

// Starts `program` (a path, or a name that is looked for in PATH) with these arguments, the first
// of which is what it is called, with the usual signals and no standard input, output and errors.
// `own_session`: away from this terminal. Gives its process, which the caller waits for or leaves;
// absent: it can't be started.
std::optional<pid_t> StartSilently(const std::string& program, std::vector<std::string> arguments,
                                   bool own_session);

}  // namespace carat
