// The tokenizer's keys of a GGUF file (gguf specification, 4.1), from a Hugging Face folder.
#pragma once

#include "base/result.h"
#include "engine/model_files.h"
#include "model/config.h"
#include "weights/gguf_header.h"

namespace carat {

// Sets nothing where the folder has no tokenizer. `suppress`: with the ids that are never chosen,
// which a drafter's file does not have.
Status SetVocabulary(const ModelFiles& files, const Config& config, bool suppress,
                     GgufHeader& header);

}  // namespace carat
