// Service: one model, one thread that runs it, many callers.
//
//   callers' threads   Submit: render the conversation, read its media, compile its grammar, queue
//   model thread       takes from the queue what is due, reads prompts slice by slice, and decodes
//                      all running answers together, one pass per step (model_thread.h)
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/session_options.h"
#include "media/decoder.h"
#include "service/answer.h"
#include "service/ask.h"
#include "service/fair_places.h"

namespace carat {

struct ServiceOptions {
  SessionOptions session = {};
  // Answers that are decoded together, which is also the number of caches: 1 to kMaxTogether; 0:
  // as many as fit the memory, at most kDefaultTogether.
  size_t together = 0;
  size_t queue = 256;           // answers that may wait or be prepared, of all owners
  size_t queue_per_owner = 64;  // of one
  bool several_owners = true;   // else one may have all caches, and all decoders of media
  bool share_prefixes = false;  // between owners: then counts of reuse tell of others' prompts

  static constexpr size_t kMaxTogether = 16;
  static constexpr size_t kDefaultTogether = 4;
};

struct PromptCount {
  size_t tokens = 0;
  size_t pictures = 0, sound = 0;  // of them: soft tokens
};

// What the service does, for people and monitors; no text of anybody.
struct ServiceStatus {
  struct Slot {         // a cache
    std::string state;  // "free", "kept", "reading", "answering"
    size_t tokens = 0;  // in it
    double idle_s = 0;  // of "kept"
  };
  std::vector<Slot> slots;
  size_t context = 0;               // positions of a cache
  size_t cache_bytes = 0;           // of all caches when they are full
  size_t waiting = 0, running = 0;  // answers
  // All time.
  uint64_t answers = 0, cancelled = 0, failed = 0, refused = 0;
  uint64_t prompt_tokens = 0, cached_tokens = 0, generated_tokens = 0;
  uint64_t passes = 0, pass_rows = 0;  // of decoding
  uint64_t drafted = 0, accepted = 0;
  double prefill_s = 0, decode_s = 0, mask_s = 0;
  std::string drafting;  // in words: what it does, or why not
};

class Service {
 public:
  // Borrows the engine, which serves nothing else meanwhile. Errors: options out of range,
  // kNoMemory where not even one cache fits.
  static Result<std::unique_ptr<Service>> Start(Engine& engine, ServiceOptions options,
                                                MediaDecoder decoder);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service();  // cancels what runs

  // Blocks while media are read and the grammar is compiled, never for the model; `goes_on` is
  // asked meanwhile whether somebody still wants it (kCancelled), and may be empty. Errors: what is
  // wrong with the ask, with the path of the value in it; kContextFull where the prompt does not
  // fit, with the counts as `wanted` and `found`; kBusy where too many wait.
  Result<std::shared_ptr<Answer>> Submit(const Ask& ask, const MediaWatch& goes_on = {});
  // The tokens of an ask's prompt. Errors as Submit's; kContextFull only beyond the model's own
  // positions.
  Result<PromptCount> Count(const Ask& ask, const MediaWatch& goes_on = {}) const;

  // A turn at the decoders, for who decodes media itself. Errors: kCancelled.
  Result<FairPlaces::Place> WaitForDecoder(const std::string& owner, const MediaWatch& goes_on);

  // Cancels what runs and waits, and takes nothing more.
  void Stop();

  const Engine& engine() const;
  ServiceStatus status() const;

 private:
  struct State;
  explicit Service(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace carat
