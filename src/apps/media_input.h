// From media files to what a prompt holds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "base/result.h"
#include "chat/media_parts.h"
#include "io/json.h"
#include "media/decoder.h"

namespace carat {

// A medium as it was asked for.
struct MediaRequest {
  PartKind kind = PartKind::kImage;
  std::string path = {};  // or a data: URL
  size_t budget = 0;      // of a picture in soft tokens; 0: as MediaReading says
  int64_t frames = 32;    // of a video
  double per_second = 0;  // of a video, if > 0: frames per second instead
};

// A text as a part of a message.
Json TextPart(std::string text);
// A request as a part of a message, and back. A part without medium (text) is absent.
Json ToJson(const MediaRequest& request);
Result<std::optional<MediaRequest>> MediaRequestOf(const JsonView& part);

// --image, --audio, --video, --budget and --frames.
void AddMediaOptions(CLI::App& command);
// What they ask for, in the order in which they stand on the command line; for a callback of the
// command. An error if --budget or --frames has nothing to act on.
Result<std::vector<MediaRequest>> GivenMedia(const CLI::App& command);

// The requests of all messages in the order of their placeholders.
Result<std::vector<MediaRequest>> MediaRequestsOf(const Json& messages);

enum class MediaReading {
  // Pictures without a budget get one by their content, with a warning where much is lost, and long
  // recordings become several clips with their times.
  kConversation,
  // As the reference processor reads: pictures without a budget get 280, sound stays whole.
  kReference,
};

// Reads media and remembers them, so that a conversation decodes each file once.
class MediaReader {
 public:
  struct Read {
    MediaPart part;
    std::string summary;  // "photo.jpg: 1200 x 900 pixels, budget 280, 266 tokens"
    std::string warning;  // empty if there is none
  };

  explicit MediaReader(MediaReading reading);
  // `room` is how many soft tokens may be used at most: it bounds an automatic budget, and sound
  // and films beyond it are refused while they are read (kContextFull).
  Result<const Read*> Get(const MediaRequest& request, size_t room);
  // What stands for each request, with the same room for each.
  Result<std::vector<MediaPart>> Parts(const std::vector<MediaRequest>& requests, size_t room);

 private:
  Result<Read> ReadImage(const MediaRequest& request, size_t room) const;
  Result<Read> ReadAudio(const MediaRequest& request, size_t room) const;
  Result<Read> ReadVideo(const MediaRequest& request, size_t room) const;

  MediaReading reading_;
  MediaDecoder decoder_;
  std::map<std::string, Read> read_;
};

// The decoder's program, beside this one or where it is installed.
std::filesystem::path DecoderProgram();

}  // namespace carat
