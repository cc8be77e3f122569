// MediaCache: media that were read lately, so that those of a conversation are not decoded again
// for each of its turns.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "chat/media_reader.h"
#include "chat/media_request.h"

namespace carat {

// Thread-safe. Forgets those that were not used for the longest time.
class MediaCache {
 public:
  explicit MediaCache(size_t most_bytes) : most_bytes_(most_bytes) {}

  // What stands for a request of this owner: what others have sent can't be told from how long
  // something takes.
  static std::string KeyOf(const std::string& owner, const MediaRequest& request);

  std::optional<MediaReader::Read> Find(const std::string& key);
  void Keep(const std::string& key, const MediaReader::Read& read);

 private:
  struct Entry {
    std::string key;
    MediaReader::Read read;
    size_t bytes;
  };
  const size_t most_bytes_;
  std::mutex mutex_;          // of what follows
  std::list<Entry> entries_;  // used last first
  std::map<std::string, std::list<Entry>::iterator> by_key_;
  size_t bytes_ = 0;
};

// Of pixels and samples.
size_t BytesOf(const MediaPart& part);

}  // namespace carat
