// One run of carat-decode and its messages.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/scoped_fd.h"
#include "media/wire.h"

namespace carat {

// Holds one of the kMaxDecoders places while it lives; ends and reaps the process when it dies.
class DecoderProcess {
 public:
  // `input` becomes the program's descriptor 0. Waits for a free place.
  static Result<DecoderProcess> Start(const std::filesystem::path& program, int input,
                                      std::vector<std::string> arguments);
  DecoderProcess(DecoderProcess&& other) noexcept;
  DecoderProcess& operator=(DecoderProcess&&) = delete;
  ~DecoderProcess();

  // The next message's header. Errors: what the decoder reports (kError), a decoder that is silent
  // for too long, that ended without its last message, or that sends an unknown kind.
  Result<wire::Header> NextHeader();
  // Part of the body of the last header.
  Status ReadBody(void* out, size_t size);

 private:
  DecoderProcess(pid_t pid, ScopedFd output) : pid_(pid), output_(std::move(output)) {}
  Error HowItEnded();
  Error ReadError(uint64_t size);

  pid_t pid_ = -1;  // -1: moved from
  ScopedFd output_;
};

}  // namespace carat
