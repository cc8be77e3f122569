// StreamDecoder: bytes of a token stream to text that never splits a code point.
#pragma once

#include <string>
#include <string_view>

namespace carat {

// Feed the bytes of each token; take out what can be shown. Ill-formed bytes become U+FFFD, at the
// latest when the next byte or Finish proves that they cannot be completed. The concatenation of
// all results equals SanitizeUtf8 of all bytes, however they were cut.
class StreamDecoder {
 public:
  // Text that is complete with these bytes; possibly empty.
  std::string Push(std::string_view bytes);
  // What is left at the end of the stream.
  std::string Finish();

 private:
  std::string held_;  // the beginning of a sequence, at most 3 bytes
};

}  // namespace carat
