#include "apps/npy_writer.h"

#include <fmt/format.h>

#include <cstring>
#include <string>

#include "base/bytes.h"
#include "io/file.h"

namespace carat {

Status WriteNpy(const std::filesystem::path& path, std::span<const float> values, size_t rows,
                size_t cols) {
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, cols);
  // Magic, version, length and header together fill whole blocks of 64 bytes and end in a newline.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size() & 0xFF);
  file += static_cast<char>(header.size() >> 8);
  file += header;
  file.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  return WriteFileAtomic(path, AsBytes(file));
}

}  // namespace carat
