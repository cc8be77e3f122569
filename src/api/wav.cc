#include "api/wav.h"

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/base64.h"
#include "media/limits.h"

namespace carat {
namespace {

void AppendText(std::string_view text, std::vector<uint8_t>& out) {
  out.insert(out.end(), text.begin(), text.end());
}

void AppendNumber(uint32_t value, int bytes, std::vector<uint8_t>& out) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

}  // namespace

std::string WavUrl(std::span<const float> samples) {
  constexpr uint32_t kRate = kSampleRate, kSampleBytes = sizeof(float), kFloatFormat = 3;
  constexpr uint32_t kHeadBytes = 36;  // behind the first 8
  const auto bytes = static_cast<uint32_t>(samples.size_bytes());
  std::vector<uint8_t> file;
  file.reserve(kHeadBytes + 8 + bytes);
  AppendText("RIFF", file);
  AppendNumber(kHeadBytes + bytes, 4, file);
  AppendText("WAVEfmt ", file);
  AppendNumber(16, 4, file);  // of the chunk that follows
  AppendNumber(kFloatFormat, 2, file);
  AppendNumber(1, 2, file);  // channel
  AppendNumber(kRate, 4, file);
  AppendNumber(kRate * kSampleBytes, 4, file);
  AppendNumber(kSampleBytes, 2, file);
  AppendNumber(kSampleBytes * 8, 2, file);
  AppendText("data", file);
  AppendNumber(bytes, 4, file);
  for (const float sample : samples) {
    uint32_t bits = 0;
    std::memcpy(&bits, &sample, sizeof bits);
    AppendNumber(bits, 4, file);
  }
  return "data:audio/wav;base64," + EncodeBase64(file);
}

}  // namespace carat
