#include "apps/interrupt.h"

#include <atomic>
#include <csignal>

namespace carat {
namespace {

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);  // the handler may touch nothing else
void OnInterrupt(int signal) {
  interrupted = true;
  std::signal(signal, SIG_DFL);
}

}  // namespace

void CatchInterrupts() {
  struct sigaction action{};
  action.sa_handler = OnInterrupt;
  ::sigaction(SIGINT, &action, nullptr);
}

bool Interrupted() { return interrupted; }
void ClearInterrupt() {
  interrupted = false;
  CatchInterrupts();
}

}  // namespace carat
