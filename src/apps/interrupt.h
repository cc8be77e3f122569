// Ctrl-C as a flag that loops look at.
#pragma once

namespace carat {

// From now on SIGINT sets the flag instead of ending the program; the next one after that ends it,
// for it may be waiting for something that never comes.
void CatchInterrupts();
bool Interrupted();
void ClearInterrupt();

}  // namespace carat
