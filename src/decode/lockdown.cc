#include "decode/lockdown.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <initializer_list>
#include <memory>

namespace carat::decode {
namespace {

Error Refused(const char* what) {
  return {.code = ErrorCode::kIo, .what = what, .found = std::strerror(errno)};
}

Status Limit(int resource, rlim_t value) {
  const rlimit limit{value, value};
  // glibc's headers for C++ want their own enumeration.
  if (::setrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0)
    return Fail(Refused("a limit of the decoder's process could not be set"));
  return {};
}

// What decoding needs: reading, writing, memory, and ending.
constexpr int kAllowed[] = {
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(getrandom),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(restart_syscall),
    // abort() when the C library finds its memory damaged: that is a crash and no attack.
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
};

}  // namespace

Status LockDown(const Bounds& bounds) {
  if (!kHasCage) return {};
  ::tzset();  // FFmpeg formats times, and the first time that is done the C library opens a file
  CARAT_TRY(Limit(RLIMIT_AS, bounds.memory_bytes));
  CARAT_TRY(Limit(RLIMIT_CPU, bounds.cpu_seconds));
  CARAT_TRY(Limit(RLIMIT_CORE, 0));
  CARAT_TRY(Limit(RLIMIT_FSIZE, 0));
  CARAT_TRY(Limit(RLIMIT_NPROC, 0));
  CARAT_TRY(Limit(RLIMIT_NOFILE, 3));
  if (::prctl(PR_SET_DUMPABLE, 0) != 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return Fail(Refused("the decoder's process could not give up its rights"));
  const std::unique_ptr<void, void (*)(void*)> filter(seccomp_init(SCMP_ACT_KILL_PROCESS),
                                                      seccomp_release);
  if (!filter) return Fail(Refused("the filter of system calls could not be made"));
  bool ok = true;
  for (const int call : kAllowed)
    ok = ok && seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0) == 0;
  const auto allow = [&](int call, std::initializer_list<scmp_arg_cmp> if_so) {
    ok = ok && seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call,
                                      static_cast<unsigned>(if_so.size()), if_so.begin()) == 0;
  };
  // The file, its answers, and itself.
  for (const int call : {SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(lseek)})
    allow(call, {SCMP_A0(SCMP_CMP_EQ, STDIN_FILENO, 0)});
  allow(SCMP_SYS(write), {SCMP_A0(SCMP_CMP_EQ, STDOUT_FILENO, 0)});
  // Libraries complain there; the parent has made it /dev/null.
  for (const int call : {SCMP_SYS(write), SCMP_SYS(writev)})
    allow(call, {SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO, 0)});
  allow(SCMP_SYS(tgkill), {SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid()), 0)});
  // Memory of its own, and none that can be run as code.
  allow(SCMP_SYS(mmap), {SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                         SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS)});
  allow(SCMP_SYS(mprotect), {SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)});
  if (!ok || seccomp_load(filter.get()) != 0)
    return Fail(Refused("the filter of system calls could not be set"));
  return {};
}

}  // namespace carat::decode
