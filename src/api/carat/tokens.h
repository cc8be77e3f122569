// POST /v1/tokenize and /v1/detokenize, in llama.cpp's form.
//   {"content", "add_special"?, "parse_special"?, "with_pieces"?, "model"?} -> {"tokens": [2, …]},
//   or
//       with pieces [{"id", "piece"}], where a piece that is no UTF-8 is an array of bytes
//   {"tokens": [2, …], "model"?} -> {"content"}
#pragma once

#include "api/api.h"
#include "tokenizer/tokenizer.h"

namespace carat {

void Tokenize(Api& api, Call& call);
void Detokenize(Api& api, Call& call);

// The same without a server.
Result<Json> TokenizeWith(const Tokenizer& tokenizer, const Json& body);
Result<Json> DetokenizeWith(const Tokenizer& tokenizer, const Json& body);

}  // namespace carat
