// GET /health, /metrics and /v1/carat/status: what the server does, without a text of anybody.
#pragma once

#include <string>

#include "api/api.h"
#include "net/server.h"
#include "service/service.h"

namespace carat {

// {"status": "ok"}: the only answer that needs no key.
net::Reply Health();
// Prometheus' text format; docs/api.md has the names.
void Metrics(Api& api, Call& call);
// {"version", "model", "plan", "slots", "answers", "tokens", "times", "drafting", "own_answers"}
void ShowStatus(Api& api, Call& call);

// The text of /metrics. Null: no model is loaded, or no server's counts are known.
std::string MetricsText(const std::string& version, const ServiceStatus* service,
                        const net::Server::Counts* server);
// `slots`: how long each conversation is, which is told to who manages the server.
Json StatusJson(const ServiceStatus& status, bool slots);

}  // namespace carat
