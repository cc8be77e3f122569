// One run of carat-decode and its messages.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/scoped_fd.h"
#include "media/wire.h"

namespace carat {

// Called at least ten times a second while something is waited for, with the share of the file
// that was passed (0 to 1; a film is passed twice), and once with 1 when the decoder is done with,
// however it ended. False cancels (kCancelled). May be empty.
using MediaWatch = std::function<bool(double share)>;

// Holds one of the kMaxDecoders places while it lives; ends and reaps the process when it dies.
class DecoderProcess {
 public:
  // `input` becomes the program's descriptor 0. Waits for a free place. The process is waited for
  // no longer than wait_ms in all.
  static Result<DecoderProcess> Start(const std::filesystem::path& program, int input,
                                      std::vector<std::string> arguments, int64_t wait_ms,
                                      MediaWatch watch);
  DecoderProcess(DecoderProcess&& other) noexcept;
  DecoderProcess& operator=(DecoderProcess&&) = delete;
  ~DecoderProcess();

  // The next message's header; kProgress goes to the watch. Errors: what the decoder reports
  // (kError), a decoder that is silent for too long, that takes too long in all, or that ended
  // without its last message.
  Result<wire::Header> NextHeader();
  // Part of the body of the last header.
  Status ReadBody(void* out, size_t size);

 private:
  using Clock = std::chrono::steady_clock;

  DecoderProcess(ScopedFd process, ScopedFd output, int64_t wait_ms, MediaWatch watch)
      : process_(std::move(process)),
        output_(std::move(output)),
        left_(std::chrono::milliseconds(wait_ms)),
        watch_(std::move(watch)) {}
  Status WaitForOutput();
  Error HowItEnded();
  Error ReadError(uint64_t size);

  ScopedFd process_;  // not valid: moved from
  ScopedFd output_;
  Clock::duration left_;  // that it may be waited for
  MediaWatch watch_;
  double share_ = 0;
};

}  // namespace carat
