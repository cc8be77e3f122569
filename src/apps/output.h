// What the program prints. fmt's own functions throw where a stream is closed or full; these do
// not.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace carat {

// To standard output; an error stays for FlushOutput.
void WriteOut(std::string_view text);
// To standard error, as far as it goes: nobody could be told. Signal handlers may call it.
void WriteErr(std::string_view text);

template <class... Args>
void Print(fmt::format_string<Args...> format, Args&&... args) {
  WriteOut(fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void PrintErr(fmt::format_string<Args...> format, Args&&... args) {
  WriteErr(fmt::format(format, std::forward<Args>(args)...));
}

// "carat: warning: …", a line each, to standard error.
void PrintWarnings(const std::vector<std::string>& warnings);

// Brings what was printed to its reader; a signal may leave a rest (OutputPending) for the next
// time. Fails, now and ever after, if any of it was lost.
Status FlushOutput();
bool OutputPending();

}  // namespace carat
