#include "apps/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "apps/terminal.h"

namespace carat {
namespace {

constexpr size_t kBufferBytes = size_t{64} << 10;

std::string pending;  // for standard output, not written yet
int first_error = 0;  // of standard output

}  // namespace

void WriteOut(std::string_view text) {
  pending += text;
  if (pending.size() > kBufferBytes) static_cast<void>(FlushOutput());
}

void WriteErr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(STDERR_FILENO, text.data(), text.size());
    if (put < 0 && errno != EINTR) return;
    if (put > 0) text.remove_prefix(static_cast<size_t>(put));
  }
}

void PrintWarnings(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) PrintErr("carat: warning: {}\n", EscapeLine(warning));
}

Status FlushOutput() {
  while (!pending.empty() && first_error == 0) {
    const ssize_t put = ::write(STDOUT_FILENO, pending.data(), pending.size());
    // Ctrl-C while the reader sleeps: nothing is lost, the rest goes out with what comes next.
    if (put < 0 && errno == EINTR) return {};
    if (put < 0) first_error = errno;
    if (put > 0) pending.erase(0, static_cast<size_t>(put));
  }
  if (first_error == 0) return {};
  pending.clear();
  return Fail({.code = ErrorCode::kIo,
               .what = fmt::format("cannot write: {}", std::strerror(first_error)),
               .where = "standard output"});
}

bool OutputPending() { return !pending.empty(); }

}  // namespace carat
