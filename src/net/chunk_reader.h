// The chunked transfer coding (RFC 9112, section 7.1), byte by byte, so that it is read the same in
// whatever pieces it comes. Beast's would wait for whole lines, and is more lenient.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace carat::net {

class ChunkReader {
 public:
  enum class State {
    kMore,      // is needed
    kDone,      // the last chunk and what follows it were read
    kTooLarge,  // the data would be longer than it may be
    kBad,       // problem() says why
  };
  // `most_line_bytes`: of a line that says a size, and of all lines behind the last chunk, which
  // are read and dropped.
  explicit ChunkReader(size_t most_line_bytes) : most_line_bytes_(most_line_bytes) {}

  // Reads from the front of `input`, all of it in kMore, and appends the data to `body`.
  State Read(std::string_view& input, std::string& body, size_t most_bytes);
  std::string_view problem() const { return problem_; }

 private:
  enum class Part { kSize, kData, kDataEnd, kTrailers };
  State Bad(std::string_view problem);
  State ReadByte(char c);
  State EndLine();
  State ReadSize();

  const size_t most_line_bytes_;
  Part part_ = Part::kSize;
  std::string line_;   // so far, with the CR
  uint64_t left_ = 0;  // of the chunk's data
  size_t trailer_bytes_ = 0;
  std::string_view problem_;
};

}  // namespace carat::net
