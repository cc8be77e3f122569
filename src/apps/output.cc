#include "apps/output.h"

#include <cerrno>
#include <cstring>

namespace carat {
namespace {

int first_error = 0;  // of standard output

// Ctrl-C interrupts a write to a slow reader: what was not written yet is still in the buffer or in
// `text`, and goes out at the next try.
void Note(bool failed) {
  if (failed && errno == EINTR) {
    std::clearerr(stdout);
  } else if (failed && first_error == 0) {
    first_error = errno != 0 ? errno : EIO;
  }
}

}  // namespace

void WriteOut(std::string_view text) {
  while (!text.empty() && first_error == 0) {
    errno = 0;
    const size_t put = std::fwrite(text.data(), 1, text.size(), stdout);
    text.remove_prefix(put);
    Note(!text.empty());
  }
}

void WriteErr(std::string_view text) {
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
}

Status FlushOutput() {
  errno = 0;
  Note(std::fflush(stdout) != 0);
  if (first_error == 0) return {};
  return Fail({.code = ErrorCode::kIo,
               .what = fmt::format("cannot write: {}", std::strerror(first_error)),
               .where = "standard output"});
}

}  // namespace carat
