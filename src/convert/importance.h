// Importance matrices: how much each column of a matrix matters, as llama-imatrix measures it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace carat {

struct Importance {
  std::string file;     // its name, for the record in what it made
  std::string dataset;  // what it was measured on; may be empty
  uint64_t chunks = 0;  // 0: not said
  std::unordered_map<std::string, std::vector<float>> columns;  // by tensor name

  // Empty where the matrix has none for this tensor.
  std::span<const float> Find(std::string_view tensor) const;
};

// Reads either form: a GGUF file of general.type "imatrix" (sums of squares and counts), or the
// older binary file.
Result<Importance> ReadImportance(const std::filesystem::path& path);
// The older form, from bytes.
Result<Importance> ParseOldImportance(std::span<const std::byte> bytes);

}  // namespace carat
