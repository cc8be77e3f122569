#include "apps/npy_writer.h"

#include <fmt/format.h>

#include <string>

#include "base/bytes.h"
#include "base/check.h"

namespace carat {

Result<NpyWriter> NpyWriter::Create(const std::filesystem::path& path, size_t rows, size_t cols) {
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, cols);
  // Magic, version, length and header together fill whole blocks of 64 bytes and end in a newline.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string start("\x93NUMPY\x01\x00", 8);
  start += static_cast<char>(header.size() & 0xFF);
  start += static_cast<char>(header.size() >> 8);
  start += header;
  CARAT_ASSIGN(AtomicFile file, AtomicFile::Create(path));
  CARAT_TRY(file.Write(AsBytes(start)));
  return NpyWriter(std::move(file), rows * cols);
}

Status NpyWriter::Append(std::span<const float> values) {
  CARAT_CHECK(values.size() <= missing_);
  missing_ -= values.size();
  return file_.Write(std::as_bytes(values));
}

Status NpyWriter::Commit() {
  CARAT_CHECK(missing_ == 0);
  return file_.Commit();
}

}  // namespace carat
