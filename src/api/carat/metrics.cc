#include <fmt/format.h>

#include <array>
#include <string_view>

#include "api/carat/status.h"

namespace carat {
namespace {

enum class Type { kGauge, kCounter };

void Append(std::string& text, std::string_view name, Type type, std::string_view help,
            double value) {
  fmt::format_to(std::back_inserter(text), "# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}\n", name, help,
                 type == Type::kGauge ? "gauge" : "counter", value);
}

void AppendSlots(const ServiceStatus& status, std::string& text) {
  constexpr std::string_view kName = "carat_cache_slots";
  fmt::format_to(std::back_inserter(text),
                 "# HELP {0} Caches by what they do now.\n# TYPE {0} gauge\n", kName);
  for (const std::string_view state : {"free", "kept", "reading", "answering"}) {
    size_t count = 0;
    for (const ServiceStatus::Slot& slot : status.slots) count += slot.state == state ? 1 : 0;
    fmt::format_to(std::back_inserter(text), "{}{{state=\"{}\"}} {}\n", kName, state, count);
  }
}

void AppendService(const ServiceStatus& s, std::string& text) {
  struct Row {
    std::string_view name;
    Type type;
    std::string_view help;
    double value;
  };
  const auto number = [](auto value) { return static_cast<double>(value); };
  const std::array rows = {
      Row{"carat_answers_running", Type::kGauge, "Answers that are being made.", number(s.running)},
      Row{"carat_answers_waiting", Type::kGauge, "Answers that wait for a cache.",
          number(s.waiting)},
      Row{"carat_context_positions", Type::kGauge, "Positions of one cache.", number(s.context)},
      Row{"carat_cache_bytes", Type::kGauge, "Bytes of all caches when they are full.",
          number(s.cache_bytes)},
      Row{"carat_answers_total", Type::kCounter, "Answers taken.", number(s.answers)},
      Row{"carat_answers_cancelled_total", Type::kCounter, "Answers cancelled.",
          number(s.cancelled)},
      Row{"carat_answers_failed_total", Type::kCounter, "Answers that failed.", number(s.failed)},
      Row{"carat_answers_refused_total", Type::kCounter, "Asks refused because too many waited.",
          number(s.refused)},
      Row{"carat_prompt_tokens_total", Type::kCounter, "Tokens of prompts.",
          number(s.prompt_tokens)},
      Row{"carat_cached_tokens_total", Type::kCounter, "Tokens of prompts found in a cache.",
          number(s.cached_tokens)},
      Row{"carat_generated_tokens_total", Type::kCounter, "Tokens of answers, thoughts included.",
          number(s.generated_tokens)},
      Row{"carat_passes_total", Type::kCounter, "Passes of decoding.", number(s.passes)},
      Row{"carat_pass_rows_total", Type::kCounter, "Rows of all passes of decoding.",
          number(s.pass_rows)},
      Row{"carat_drafted_tokens_total", Type::kCounter, "Drafted tokens that were checked.",
          number(s.drafted)},
      Row{"carat_accepted_tokens_total", Type::kCounter, "Drafted tokens that stood.",
          number(s.accepted)},
      Row{"carat_prefill_seconds_total", Type::kCounter, "Seconds of reading prompts.",
          s.prefill_s},
      Row{"carat_decode_seconds_total", Type::kCounter, "Seconds of decoding.", s.decode_s},
      Row{"carat_mask_seconds_total", Type::kCounter, "Seconds of token masks.", s.mask_s},
  };
  for (const Row& row : rows) Append(text, row.name, row.type, row.help, row.value);
  AppendSlots(s, text);
}

void AppendServer(const net::Server::Counts& c, std::string& text) {
  const auto number = [](auto value) { return static_cast<double>(value); };
  Append(text, "carat_http_connections", Type::kGauge, "Open connections.", number(c.connections));
  Append(text, "carat_http_handling", Type::kGauge, "Requests being answered.", number(c.handling));
  Append(text, "carat_http_connections_total", Type::kCounter, "Connections accepted.",
         number(c.accepted));
  Append(text, "carat_http_requests_total", Type::kCounter, "Requests read.", number(c.requests));
  Append(text, "carat_http_refused_total", Type::kCounter,
         "Requests refused before they were read.", number(c.refused));
  Append(text, "carat_http_slow_total", Type::kCounter, "Connections closed for slowness.",
         number(c.slow));
  Append(text, "carat_http_broken_total", Type::kCounter, "Clients gone before the end.",
         number(c.broken));
}

}  // namespace

std::string MetricsText(const std::string& version, const ServiceStatus* service,
                        const net::Server::Counts* server) {
  std::string text = fmt::format(
      "# HELP carat_info The program.\n# TYPE carat_info gauge\ncarat_info{{version=\"{}\"}} 1\n",
      version);
  Append(text, "carat_model_loaded", Type::kGauge, "Whether a model is loaded.",
         service != nullptr ? 1 : 0);
  if (service != nullptr) AppendService(*service, text);
  if (server != nullptr) AppendServer(*server, text);
  return text;
}

void Metrics(Api& api, Call& call) {
  const std::shared_ptr<LoadedService> loaded = api.host().Loaded();
  std::optional<ServiceStatus> service;
  if (loaded != nullptr) service = loaded->service->status();
  std::optional<net::Server::Counts> server;
  if (api.options().counts) server = api.options().counts();
  call.exchange.Send({.content_type = "text/plain; version=0.0.4; charset=utf-8",
                      .body = MetricsText(api.options().version, service ? &*service : nullptr,
                                          server ? &*server : nullptr)});
}

}  // namespace carat
