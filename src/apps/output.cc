#include "apps/output.h"

#include <cerrno>
#include <cstring>

namespace carat {
namespace {

int first_error = 0;  // of standard output

void Note(bool failed) {
  if (failed && first_error == 0) first_error = errno != 0 ? errno : EIO;
}

}  // namespace

void WriteOut(std::string_view text) {
  Note(std::fwrite(text.data(), 1, text.size(), stdout) != text.size());
}

void WriteErr(std::string_view text) {
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
}

Status FlushOutput() {
  Note(std::fflush(stdout) != 0);
  if (first_error == 0) return {};
  return Fail({.code = ErrorCode::kIo,
               .what = fmt::format("cannot write: {}", std::strerror(first_error)),
               .where = "standard output"});
}

}  // namespace carat
