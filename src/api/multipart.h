// multipart/form-data (RFC 7578) as forms send it: files and fields in one body.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace carat {

struct FormPart {
  std::string name = {};                     // UTF-8
  std::optional<std::string> filename = {};  // UTF-8; for messages alone, never a path to open
  std::string content_type = {};             // as it came; empty: none did
  std::string_view data = {};                // borrows the body
};

struct MultipartLimits {
  size_t max_parts = 64;
  size_t max_head_bytes = 4096;  // of one part's header lines
};

// The parts in their order; several may have one name. `content_type` is the request's field.
// Errors name the part by its number from 0. Stricter than RFC 2046: no text before the first
// delimiter or behind the last one, lines end with CRLF, no part is encoded. Linear time.
Result<std::vector<FormPart>> ParseMultipart(std::string_view content_type, std::string_view body,
                                             const MultipartLimits& limits = {});

}  // namespace carat
