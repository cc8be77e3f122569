#include "tests/support/npy.h"

#include <cstring>

#include "base/bytes.h"
#include "io/file.h"

namespace carat {

Result<NpyFloats> ReadNpy(const std::filesystem::path& path) {
  CARAT_ASSIGN(const std::string text, ReadFile(path, size_t{1} << 30));
  ByteReader in(AsBytes(text));
  CARAT_ASSIGN(const auto magic, in.ReadBytes("magic", 8));
  if (AsText(magic) != std::string_view("\x93NUMPY\x01\x00", 8))
    return Fail({.what = "not an npy 1.0 file"});
  CARAT_ASSIGN(const uint16_t size, in.Read<uint16_t>("header size"));
  CARAT_ASSIGN(const auto header_bytes, in.ReadBytes("header", size));
  const std::string header(AsText(header_bytes));
  if (header.find("'<f4'") == std::string::npos || header.find("True") != std::string::npos) {
    return Fail({.what = "not little-endian float32 in C order", .found = header});
  }
  NpyFloats out;
  size_t at = header.find('(') + 1;
  while (at < header.size() && header[at] != ')') {
    size_t used = 0;
    out.shape.push_back(std::stoul(header.substr(at), &used));
    at += used;
    while (at < header.size() && (header[at] == ',' || header[at] == ' ')) ++at;
  }
  out.values.resize(in.remaining() / sizeof(float));
  std::memcpy(out.values.data(), text.data() + in.offset(), out.values.size() * sizeof(float));
  return out;
}

}  // namespace carat
