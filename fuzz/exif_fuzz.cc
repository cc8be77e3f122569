// EXIF orientation and the kind of a file, from any bytes.
//
// DEPS: media
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "media/exif.h"
#include "media/file_type.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int orientation = carat::ExifOrientation({data, size});
  if (orientation < 1 || orientation > 8) std::abort();
  carat::SniffFileType({data, size});
  return 0;
}
