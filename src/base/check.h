// CARAT_CHECK: an invariant of our own code. A failure is a bug in carat, never bad input, so it
// stops the program at once with the place and the condition.
#pragma once

namespace carat {
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);
}  // namespace carat

#define CARAT_CHECK(condition)                              \
  do {                                                      \
    if (!(condition)) [[unlikely]] {                        \
      ::carat::CheckFailed(__FILE__, __LINE__, #condition); \
    }                                                       \
  } while (false)

#ifdef NDEBUG
#define CARAT_DCHECK(condition) static_cast<void>(0)
#else
#define CARAT_DCHECK(condition) CARAT_CHECK(condition)
#endif
