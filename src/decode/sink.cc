#include "decode/sink.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>

namespace carat::decode {
namespace {

void WriteAll(const void* data, size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t n = ::write(STDOUT_FILENO, at, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) _exit(1);
    at += n;
    size -= static_cast<size_t>(n);
  }
}

void Send(wire::Kind kind, const void* head, size_t head_size, const void* body, size_t size) {
  const wire::Header header{.kind = kind, .size = head_size + size};
  WriteAll(&header, sizeof header);
  WriteAll(head, head_size);
  WriteAll(body, size);
}

}  // namespace

void SendError(const Error& error) {
  std::string body(1, static_cast<char>(error.code));
  for (const std::string* part : {&error.what, &error.where, &error.wanted, &error.found}) {
    std::string text = part->substr(0, 900);
    std::erase(text, '\0');
    body += text + '\0';
  }
  Send(wire::Kind::kError, body.data(), body.size(), nullptr, 0);
}

void SendInfo(const wire::Info& info) { Send(wire::Kind::kInfo, &info, sizeof info, nullptr, 0); }

void SendPicture(wire::Kind kind, const Pixels& pixels, int64_t index, double seconds) {
  const wire::PictureHead head{.height = static_cast<uint32_t>(pixels.height),
                               .width = static_cast<uint32_t>(pixels.width),
                               .index = index,
                               .seconds = seconds};
  Send(kind, &head, sizeof head, pixels.rgb.data(), pixels.rgb.size());
}

void SendSamples(std::span<const float> samples) {
  constexpr size_t kMost = wire::kMaxSamplesBody / sizeof(float);
  for (size_t at = 0; at < samples.size(); at += kMost) {
    const auto part = samples.subspan(at, std::min(kMost, samples.size() - at));
    Send(wire::Kind::kSamples, part.data(), part.size_bytes(), nullptr, 0);
  }
}

void SendProgress(double share) {
  using Clock = std::chrono::steady_clock;
  static Clock::time_point last = Clock::now();
  const Clock::time_point now = Clock::now();
  if (now - last < std::chrono::milliseconds(wire::kProgressMs)) return;
  last = now;
  Send(wire::Kind::kProgress, &share, sizeof share, nullptr, 0);
}

void SendDamaged() { Send(wire::Kind::kDamaged, nullptr, 0, nullptr, 0); }

void SendEnd() { Send(wire::Kind::kEnd, nullptr, 0, nullptr, 0); }

}  // namespace carat::decode
