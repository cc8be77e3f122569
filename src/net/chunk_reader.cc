#include "net/chunk_reader.h"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace carat::net {

ChunkReader::State ChunkReader::Bad(std::string_view problem) {
  problem_ = problem;
  return State::kBad;
}

ChunkReader::State ChunkReader::Read(std::string_view& input, std::string& body,
                                     size_t most_bytes) {
  while (!input.empty()) {
    if (part_ == Part::kData) {
      const auto size = static_cast<size_t>(std::min<uint64_t>(left_, input.size()));
      body.append(input.substr(0, size));
      input.remove_prefix(size);
      left_ -= size;
      if (left_ == 0) part_ = Part::kDataEnd;
      continue;
    }
    const char c = input.front();
    input.remove_prefix(1);
    if (const State state = ReadByte(c); state != State::kMore) return state;
    if (left_ > most_bytes - body.size()) return State::kTooLarge;
  }
  return State::kMore;
}

ChunkReader::State ChunkReader::ReadByte(char c) {
  const bool after_cr = line_.ends_with('\r');
  if ((c == '\n') != after_cr) return Bad("a line of it does not end with CR and LF");
  if (c == '\n') {
    line_.pop_back();
    const State state = EndLine();
    line_.clear();
    return state;
  }
  if ((static_cast<unsigned char>(c) < ' ' && c != '\t' && c != '\r') || c == 0x7F)
    return Bad("a line of it has a control character");
  if (part_ == Part::kTrailers) ++trailer_bytes_;
  if (std::max(line_.size(), trailer_bytes_) >= most_line_bytes_)
    return Bad("its lines are too long");
  line_.push_back(c);
  return State::kMore;
}

ChunkReader::State ChunkReader::EndLine() {
  switch (part_) {
    case Part::kSize:
      return ReadSize();
    case Part::kData:
      break;
    case Part::kDataEnd:
      if (!line_.empty()) return Bad("a chunk is longer than it says");
      part_ = Part::kSize;
      break;
    case Part::kTrailers:
      if (line_.empty()) return State::kDone;
      break;
  }
  return State::kMore;
}

// What stands behind a semicolon is for whoever agreed on it.
ChunkReader::State ChunkReader::ReadSize() {
  const char* const begin = line_.data();
  const char* const end = begin + std::min(line_.find(';'), line_.size());
  const auto [stop, error] = std::from_chars(begin, end, left_, 16);
  if (error != std::errc() || stop != end) return Bad("the size of a chunk is no number");
  part_ = left_ == 0 ? Part::kTrailers : Part::kData;
  return State::kMore;
}

}  // namespace carat::net
