// /v1/carat/page: how a page gets in (api/page_door.h).
//   GET …/proof?key=NAME&nonce=N    {"proof"}: HMAC-SHA-256 of ProofText with the SHA-256 of that
//              ?token=NAME&nonce=N   key, or of the token of that name (PageDoor::Prove), in
//                                    hexadecimal; needs no key
//   POST …/codes                   {"code", "seconds"}; needs a key, a token does not do
//   POST …/tokens                  {"code"} to {"token"}; needs no key
//   DELETE …/tokens                forgets the token that is shown; with ?all=true, or a key, all
//                                  of the owner's
#pragma once

#include "api/api.h"

namespace carat {

void ProveToPage(Api& api, Call& call);
void NewPageCode(Api& api, Call& call);
void NewPageToken(Api& api, Call& call);
void DropPageTokens(Api& api, Call& call);

}  // namespace carat
