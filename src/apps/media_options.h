// The options of commands that take media.
#pragma once

#include <filesystem>
#include <vector>

#include "apps/commands.h"
#include "base/result.h"
#include "chat/media_request.h"
#include "media/decoder.h"

namespace carat {

// --image, --audio, --video, --budget, --frames and --fps, and with `sound` --video-sound.
void AddMediaOptions(CLI::App& command, bool sound = false);
// What they ask for, in the order in which they stand on the command line; for a callback of the
// command. An error if one of the others has nothing to act on.
Result<std::vector<MediaRequest>> GivenMedia(const CLI::App& command);

// --budget for commands that name their files otherwise.
CLI::Option* AddBudget(CLI::App& command, size_t& budget);

// carat-decode, beside this program or where it is installed, watched for Ctrl-C and with a bar for
// long files.
MediaDecoder AppDecoder();

}  // namespace carat
