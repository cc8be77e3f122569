// Files that a person drops on the prompt: terminals type their paths.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace carat {

struct DroppedFiles {
  std::vector<std::string> paths;  // none: the line is a message like any other
  std::string text;                // what follows them
};

// The paths that a line begins with, as terminals write them: absolute, with the shell's quotes or
// backslashes, or as file:// URLs; `is_medium` says whether one names a medium. The first word that
// is none ends them.
DroppedFiles FindDroppedFiles(std::string_view line, bool (*is_medium)(const std::string& path));

}  // namespace carat
