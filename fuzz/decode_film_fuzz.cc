// FFmpeg's demuxers and decoders as carat-decode uses them, in this process and without their cage.
//
// DEPS: decode media
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "decode/film.h"
#include "media/file_type.h"

namespace {

// Descriptor 0 becomes the input.
bool Offer(const uint8_t* data, size_t size) {
  static const int file = ::memfd_create("fuzz", 0);
  return ::ftruncate(file, 0) == 0 && ::pwrite(file, data, size, 0) == static_cast<ssize_t>(size) &&
         ::dup2(file, 0) == 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto type = carat::SniffFileType({data, size});
  if (!type || type->demuxer.empty() || !Offer(data, size)) return 0;
  auto film = carat::decode::Film::Open(*type, [](double) {});
  if (!film) return 0;
  film->Describe();
  if (type->kind == carat::MediaKind::kPicture) {
    (void)film->FirstPicture();
    if (type->type != carat::FileType::kGif) return 0;
    film = carat::decode::Film::Open(*type, [](double) {});
    if (!film) return 0;
  }
  int64_t last = -1;
  (void)film->Frames(4, 0, [&](const carat::Pixels& pixels, int64_t index, double) {
    if (index <= last || pixels.rgb.empty()) std::abort();
    last = index;
  });
  auto again = carat::decode::Film::Open(*type, [](double) {});
  if (again) (void)again->Sound([](auto) {});
  return 0;
}
