#include "service/media_cache.h"

#include <fmt/format.h>

#include <span>

#include "io/digest.h"

namespace carat {

size_t BytesOf(const MediaPart& part) {
  size_t bytes = 0;
  for (const auto& medium : part.media) {
    bytes += medium->samples().size() * sizeof(float) + medium->pixels().rgb.size();
  }
  return bytes;
}

std::string MediaCache::KeyOf(const std::string& owner, const MediaRequest& request) {
  const std::string budget = request.budget ? std::to_string(*request.budget) : "none";
  return fmt::format("{} {} {} {} {} {}", Sha256Hex(std::as_bytes(std::span(request.path))),
                     static_cast<int>(request.kind), budget, request.frames, request.fps, owner);
}

std::optional<MediaReader::Read> MediaCache::Find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found->second);
  return entries_.front().read;
}

void MediaCache::Keep(const std::string& key, const MediaReader::Read& read) {
  const size_t bytes = BytesOf(read.part);
  if (bytes > most_bytes_) return;
  const std::lock_guard lock(mutex_);
  if (const auto old = by_key_.find(key); old != by_key_.end()) {
    bytes_ -= old->second->bytes;
    entries_.erase(old->second);
    by_key_.erase(old);
  }
  while (bytes_ + bytes > most_bytes_) {
    bytes_ -= entries_.back().bytes;
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
  entries_.push_front({.key = key, .read = read, .bytes = bytes});
  by_key_[key] = entries_.begin();
  bytes_ += bytes;
}

}  // namespace carat
