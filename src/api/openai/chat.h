// POST /v1/chat/completions
#pragma once

#include "api/api.h"

namespace carat {

void ChatCompletions(Api& api, Call& call);

}  // namespace carat
