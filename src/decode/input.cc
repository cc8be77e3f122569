#include "decode/input.h"

#include <unistd.h>

#include <cerrno>
#include <string>

namespace carat::decode {

Result<uint64_t> InputSize() {
  const off_t end = ::lseek(STDIN_FILENO, 0, SEEK_END);
  if (end < 0) return Fail({.code = ErrorCode::kIo, .what = "the file cannot be read at will"});
  return static_cast<uint64_t>(end);
}

size_t ReadAt(uint64_t offset, std::span<uint8_t> out) {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t n = ::pread(STDIN_FILENO, out.data() + done, out.size() - done,
                              static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

Result<std::vector<uint8_t>> ReadInput(uint64_t most) {
  CARAT_ASSIGN(const uint64_t size, InputSize());
  if (size > most) {
    return Fail({.code = ErrorCode::kUnsupported,
                 .what = "the file is too large",
                 .wanted = "at most " + std::to_string(most) + " bytes",
                 .found = std::to_string(size)});
  }
  std::vector<uint8_t> bytes(size);
  bytes.resize(ReadAt(0, bytes));
  return bytes;
}

uint64_t LittleEndian(std::span<const uint8_t> bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

}  // namespace carat::decode
