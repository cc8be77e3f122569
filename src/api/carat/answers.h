// /v1/carat/answers: answers that run, and those that ended some minutes ago, of the key that asks.
// An answer's id is that of its dialect, also in the field x-carat-answer; others' ids are a 404.
//   GET                        {"answers": [ids]}
//   GET …/{id}?after=N         its stream again, in its dialect, without the first N events; each
//   event
//                              carries its number, so Last-Event-ID does too. Reading does not hold
//                              it up, and leaving does not cancel it.
//   POST …/{id}/cancel         ends it
//   POST …/{id}/end_thinking   ends its thoughts, and lets it answer
#pragma once

#include "api/api.h"

namespace carat {

void ListAnswers(Api& api, Call& call);
void ReadAnswer(Api& api, Call& call);
void CancelAnswer(Api& api, Call& call);
void EndThinking(Api& api, Call& call);

// How many events a client has, by ?after=N or Last-Event-ID.
Result<uint64_t> EventsHad(const net::RequestHead& head);

}  // namespace carat
