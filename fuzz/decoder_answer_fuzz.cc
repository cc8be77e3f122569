// What comes back from a decoder, hostile: the program here answers with the file itself.
//
// DEPS: media
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "media/decoder.h"

namespace {

// A script that copies its input.
std::string Echo() {
  char path[] = "/tmp/carat-fuzz-echo-XXXXXX";
  const int file = ::mkstemp(path);
  constexpr char kScript[] = "#!/bin/sh\nexec cat\n";
  if (::write(file, kScript, sizeof kScript - 1) < 0 || ::fchmod(file, 0700) != 0) std::abort();
  ::close(file);
  return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const carat::MediaDecoder decoder(Echo());
  const auto source = carat::MediaSource::FromBytes({data, size}, "fuzz");
  if (!source) return 0;
  (void)decoder.Describe(*source);
  const auto pixels = decoder.Picture(*source);
  if (pixels && pixels->rgb.size() != 3 * pixels->height * pixels->width) std::abort();
  (void)decoder.Sound(*source, [](std::span<const float> samples) -> carat::Status {
    for (const float x : samples) {
      if (!std::isfinite(x)) std::abort();
    }
    return {};
  });
  (void)decoder.Frames(*source, {}, [](const carat::Frame&) { return carat::Status(); });
  return 0;
}
