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

carat::Result<carat::decode::Film> Open(const carat::FileTypeInfo& type) {
  return carat::decode::Film::Open(type, [](double) {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto type = carat::SniffFileType({data, size});
  if (!type || type->demuxer.empty() || !Offer(data, size)) return 0;
  auto described = Open(*type);
  if (!described) return 0;
  described->Describe();
  if (type->kind == carat::MediaKind::kPicture) {
    (void)described->FirstPicture();
    if (type->type != carat::FileType::kGif) return 0;
  }
  int64_t last = -1;
  auto film = Open(*type);
  if (!film) return 0;
  (void)film->Frames(4, 0, [&](const carat::Pixels& pixels, int64_t index, double) {
    if (index <= last || pixels.rgb.empty()) std::abort();
    last = index;
  });
  auto sound = Open(*type);
  if (sound) (void)sound->Sound([](auto) {});
  return 0;
}
