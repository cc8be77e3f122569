// Ctrl-C as a flag that loops look at.
#pragma once

namespace carat {

// From now on SIGINT sets the flag instead of ending the program.
void CatchInterrupts();
bool Interrupted();
void ClearInterrupt();

}  // namespace carat
