// GET /v1/models and /v1/models/{id}: the one model, in OpenAI's form with Anthropic's members
// beside it, so that both clients read it.
#pragma once

#include "api/api.h"

namespace carat {

void ListModels(Api& api, Call& call);
void ShowModel(Api& api, Call& call);

}  // namespace carat
