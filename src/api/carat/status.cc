#include "api/carat/status.h"

#include <utility>

namespace carat {
namespace {

Json Count(uint64_t value) { return static_cast<int64_t>(value); }

// A quotient, or null where nothing was measured.
Json Rate(double counted, double seconds) { return seconds > 0 ? Json(counted / seconds) : Json(); }

Json SlotsOf(const ServiceStatus& status) {
  Json::Array slots;
  for (const ServiceStatus::Slot& slot : status.slots) {
    Json one;
    one.Set("state", slot.state);
    one.Set("tokens", slot.tokens);
    one.Set("idle_s", slot.idle_s);
    slots.push_back(std::move(one));
  }
  return Json(std::move(slots));
}

Json PlanOf(const Engine& engine, const ServiceStatus& status) {
  const ModelMemory& memory = engine.memory();
  Json plan;
  plan.Set("weights_bytes", memory.weights);
  plan.Set("vocabulary_bytes", memory.vocabulary);
  plan.Set("embedders_bytes", memory.embedders);
  plan.Set("drafter_bytes", memory.drafter);
  plan.Set("program_bytes", memory.program);
  plan.Set("cache_bytes", status.cache_bytes);
  plan.Set("context", status.context);
  return plan;
}

}  // namespace

Json StatusJson(const ServiceStatus& status, bool slots) {
  Json answers, tokens, times, drafting, all;
  answers.Set("waiting", status.waiting);
  answers.Set("running", status.running);
  answers.Set("taken", Count(status.answers));
  answers.Set("cancelled", Count(status.cancelled));
  answers.Set("failed", Count(status.failed));
  answers.Set("refused", Count(status.refused));
  tokens.Set("prompt", Count(status.prompt_tokens));
  tokens.Set("cached", Count(status.cached_tokens));
  tokens.Set("generated", Count(status.generated_tokens));
  times.Set("prefill_s", status.prefill_s);
  times.Set("decode_s", status.decode_s);
  times.Set("mask_s", status.mask_s);
  const auto read = static_cast<double>(status.prompt_tokens - status.cached_tokens);
  times.Set("prefill_tokens_per_s", Rate(read, status.prefill_s));
  times.Set("decode_tokens_per_s",
            Rate(static_cast<double>(status.generated_tokens), status.decode_s));
  times.Set("rows_per_pass",
            Rate(static_cast<double>(status.pass_rows), static_cast<double>(status.passes)));
  drafting.Set("drafted", Count(status.drafted));
  drafting.Set("accepted", Count(status.accepted));
  // It may name the drafter's file.
  if (!TellsOfTheMachine(status.drafting)) drafting.Set("state", status.drafting);
  if (slots) {
    all.Set("slots", SlotsOf(status));
    all.Set("tokens", std::move(tokens));  // what others ask for is counted in it
  }
  all.Set("answers", std::move(answers));
  all.Set("times", std::move(times));
  all.Set("drafting", std::move(drafting));
  return all;
}

net::Reply Health() {
  Json body;
  body.Set("status", "ok");
  return {.body = body.Dump()};
}

void ShowStatus(Api& api, Call& call) {
  Json body;
  body.Set("version", api.options().version);
  const std::shared_ptr<LoadedService> loaded = api.host().Loaded();
  body.Set("model", loaded == nullptr ? Json() : Json(loaded->name));
  if (loaded != nullptr) {
    const ServiceStatus status = loaded->service->status();
    body.Set("plan", PlanOf(*loaded->engine, status));
    const Json all = StatusJson(status, api.access().Manages(call.owner));
    for (const Json::Member& member : all.object()) {
      body.Set(member.first, member.second);
    }
  }
  const std::vector<std::string> ids = api.answers().Ids(call.owner);
  body.Set("own_answers", Json(Json::Array(ids.begin(), ids.end())));
  call.SendJson(body);
}

}  // namespace carat
