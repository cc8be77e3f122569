// The routes of OpenAI's Responses.
#pragma once

#include "api/api.h"

namespace carat {

// POST /v1/responses. In the background the reply comes at once, or the stream goes on without its
// client.
void CreateResponse(Api& api, Call& call);
// POST /v1/responses/input_tokens.
void CountResponseTokens(Api& api, Call& call);
// GET /v1/responses/{id}; with ?stream=true its events, those behind ?starting_after=N.
void ShowResponse(Api& api, Call& call);
// DELETE /v1/responses/{id}.
void DeleteResponse(Api& api, Call& call);
// POST /v1/responses/{id}/cancel.
void CancelResponse(Api& api, Call& call);
// GET /v1/responses/{id}/input_items; with ?order=, ?limit= and ?after=.
void ListInputItems(Api& api, Call& call);

}  // namespace carat
