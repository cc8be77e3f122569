// A program that is started beside this one, and says nothing here.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace carat {

struct SilentChild {
  bool own_session = false;             // away from this terminal
  std::string errors_to = "/dev/null";  // a file for its standard error, made anew with mode 0600
};

// Starts `program` (a path, or a name that is looked for in PATH) with these arguments, the first
// of which is what it is called, with the usual signals and no standard input and output. Gives its
// process, which the caller waits for or leaves; absent: it can't be started.
std::optional<pid_t> StartSilently(const std::string& program, std::vector<std::string> arguments,
                                   const SilentChild& how = {});

}  // namespace carat
