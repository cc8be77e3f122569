// The file on descriptor 0.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace carat::decode {

// Its size in bytes, found by seeking.
Result<uint64_t> InputSize();
// Up to out.size() bytes at an offset; fewer only at the end.
size_t ReadAt(uint64_t offset, std::span<uint8_t> out);
// All of it.
Result<std::vector<uint8_t>> ReadInput(uint64_t most);

// At most eight bytes, the lowest first.
uint64_t LittleEndian(std::span<const uint8_t> bytes);

}  // namespace carat::decode
