// Files that a person drops on the prompt: terminals type their paths.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/media_parts.h"

namespace carat {

struct DroppedFile {
  std::string path;
  PartKind kind;
};

struct DroppedFiles {
  std::vector<DroppedFile> files;  // none: the line is a message like any other
  std::string text;                // what follows them
};

// As what a file is shown; absent for one that is no medium.
using KindOfFile = std::function<std::optional<PartKind>(const std::string& path)>;

// The paths that a line begins with, as terminals write them: absolute, with the shell's quotes or
// backslashes, or as file:// URLs. The first word that is no medium ends them.
DroppedFiles FindDroppedFiles(std::string_view line, const KindOfFile& kind_of);

// A path that a terminal typed behind a command, quotes and all; text that is no single word as it
// stands.
std::string TypedPath(const std::string& text);

}  // namespace carat
