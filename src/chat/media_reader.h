// MediaReader: media files to what stands in a prompt for them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "chat/media_parts.h"
#include "chat/media_request.h"
#include "media/decoder.h"

namespace carat {

enum class MediaReading {
  // Pictures without a budget get one by their content, with a warning where much is lost, and long
  // recordings become several clips with their times.
  kConversation,
  // As the reference processor reads: pictures without a budget get 280, sound stays whole.
  kReference,
};

// Thread-safe as its decoder is.
class MediaReader {
 public:
  struct Read {
    MediaPart part;
    std::string summary;  // "photo.jpg: 1200 x 900 pixels, budget 280, 266 tokens"
    std::string warning;  // empty if there is none
  };

  MediaReader(MediaReading reading, MediaDecoder decoder);
  // `room` is how many soft tokens may be used at most: it bounds an automatic budget, and sound
  // and films beyond it are refused while they are read (kContextFull). A recording is held whole.
  Result<Read> Get(const MediaRequest& request, size_t room) const;
  // What stands for each request; `room` is that of all together. The warnings are added to those.
  Result<std::vector<MediaPart>> Parts(const std::vector<MediaRequest>& requests, size_t room,
                                       std::vector<std::string>& warnings) const;

 private:
  Result<Read> ReadImage(const MediaRequest& request, size_t room) const;
  Result<Read> ReadAudio(const MediaRequest& request, size_t room) const;
  Result<Read> ReadVideo(const MediaRequest& request, size_t room) const;

  MediaReading reading_;
  MediaDecoder decoder_;
};

}  // namespace carat
