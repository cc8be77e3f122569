// The options of commands that take media.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "base/result.h"
#include "chat/media_request.h"
#include "media/decoder.h"

namespace carat {

// --image, --audio, --video, --budget, --frames and --fps, and with `sound` --video-sound.
void AddMediaOptions(CLI::App& command, bool sound = false);

struct GivenMedia {
  std::vector<MediaRequest> requests;  // in the order in which they stand on the command line
  // What holds for media that are named later.
  std::optional<size_t> budget;
  int64_t frames = 0;
  double fps = 0;
  bool video_sound = false;
  std::string idle;  // an option that acts on none of the requests, and the one that it wants
  std::string wanted;

  // A medium under these options: itself, and behind a film its sound if that is wanted.
  std::vector<MediaRequest> Requests(PartKind kind, const std::string& path) const;
};

// What the options say; for a callback of the command.
GivenMedia ReadMediaOptions(const CLI::App& command);
// An error if an option has nothing to act on.
Status CheckAllUsed(const GivenMedia& media);

// --budget for commands that name their files otherwise.
void AddBudget(CLI::App& command, std::optional<size_t>& budget);

// Where carat-decode is.
std::filesystem::path DecoderProgram();

// carat-decode, beside this program or where it is installed, watched for Ctrl-C; `bar` shows one
// for long files.
MediaDecoder AppDecoder(bool bar = true);

// As what a file is shown: a film that holds no pictures is sound. Errors as
// MediaDecoder::Describe.
Result<PartKind> KindOfMedia(const MediaSource& source);

}  // namespace carat
