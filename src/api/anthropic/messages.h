// The routes of Anthropic's Messages.
#pragma once

#include "api/api.h"

namespace carat {

void CreateMessage(Api& api, Call& call);       // POST /v1/messages
void CountMessageTokens(Api& api, Call& call);  // POST /v1/messages/count_tokens

}  // namespace carat
