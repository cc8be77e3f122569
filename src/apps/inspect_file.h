// `carat inspect file`: what a model file holds.
#pragma once

#include <string>

#include "base/result.h"
#include "io/json.h"

namespace carat {

// Opens the file, binds its tensors (which proves that all are there with their shapes) and lists:
// path, kind, format, architecture, template, totals, config, tokenizer, warnings, metadata (GGUF)
// and tensors, in this order; parts that the kind does not have are left out.
Result<Json> DescribeFile(const std::string& path);

// The same as text on stdout, one line per metadata key and tensor.
void PrintDescription(const Json& description);

}  // namespace carat
