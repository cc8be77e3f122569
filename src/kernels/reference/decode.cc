#include "kernels/reference/decode.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "tensor/half.h"

namespace carat::kernels::reference {
namespace {

// One block as its bytes; offsets below are those of the specification.
using Block = const uint8_t*;

uint16_t U16(Block b, size_t at) {
  uint16_t v;
  std::memcpy(&v, b + at, sizeof v);
  return v;
}
uint32_t U32(Block b, size_t at) {
  uint32_t v;
  std::memcpy(&v, b + at, sizeof v);
  return v;
}
float Half(Block b, size_t at) { return FromF16(U16(b, at)); }
int Low(uint8_t byte) { return byte & 15; }
int High(uint8_t byte) { return byte >> 4; }
// Element e of 32 in "Q4_0 order": 0-15 are low nibbles, 16-31 high nibbles of 16 bytes.
int Nibble(Block qs, int e) { return e < 16 ? Low(qs[e]) : High(qs[e - 16]); }

template <int kElements, int kBytes, void (*kDecode)(Block, float*)>
void Blocks(const void* src, size_t n, float* dst) {
  Block block = static_cast<Block>(src);
  for (size_t i = 0; i < n; i += kElements, block += kBytes) kDecode(block, dst + i);
}

void F32(const void* src, size_t n, float* dst) { std::memcpy(dst, src, n * sizeof(float)); }

void F16(const void* src, size_t n, float* dst) {
  for (size_t i = 0; i < n; ++i) dst[i] = FromF16(U16(static_cast<Block>(src), 2 * i));
}

void BF16(const void* src, size_t n, float* dst) {
  for (size_t i = 0; i < n; ++i) dst[i] = FromBf16(U16(static_cast<Block>(src), 2 * i));
}

void Q8_0(Block b, float* x) {
  const float d = Half(b, 0);
  for (int e = 0; e < 32; ++e) x[e] = d * static_cast<float>(static_cast<int8_t>(b[2 + e]));
}

void Q4_0(Block b, float* x) {
  const float d = Half(b, 0);
  for (int e = 0; e < 32; ++e) x[e] = d * static_cast<float>(Nibble(b + 2, e) - 8);
}

void Q4_1(Block b, float* x) {
  const float d = Half(b, 0);
  const float m = Half(b, 2);
  for (int e = 0; e < 32; ++e) x[e] = d * static_cast<float>(Nibble(b + 4, e)) + m;
}

void Q5_0(Block b, float* x) {
  const float d = Half(b, 0);
  const uint32_t qh = U32(b, 2);
  for (int e = 0; e < 32; ++e) {
    const int q = Nibble(b + 6, e) | static_cast<int>((qh >> e) & 1) << 4;
    x[e] = d * static_cast<float>(q - 16);
  }
}

void Q5_1(Block b, float* x) {
  const float d = Half(b, 0);
  const float m = Half(b, 2);
  const uint32_t qh = U32(b, 4);
  for (int e = 0; e < 32; ++e) {
    const int q = Nibble(b + 8, e) | static_cast<int>((qh >> e) & 1) << 4;
    x[e] = d * static_cast<float>(q) + m;
  }
}

// Two bits of element e, in the order that Q2_K, Q3_K and TQ2_0 share.
int TwoBits(Block qs, int e) {
  const int half = e / 128, group = e % 128 / 32, lane = e % 32;
  return (qs[32 * half + lane] >> (2 * group)) & 3;
}

void Q2_K(Block b, float* x) {
  const float d = Half(b, 80);
  const float dmin = Half(b, 82);
  for (int e = 0; e < 256; ++e) {
    const uint8_t s = b[e / 16];
    const float scale = d * static_cast<float>(s & 15);
    const float min = dmin * static_cast<float>(s >> 4);
    x[e] = scale * static_cast<float>(TwoBits(b + 16, e)) - min;
  }
}

void Q3_K(Block b, float* x) {
  const float d = Half(b, 108);
  const Block s = b + 96;
  for (int e = 0; e < 256; ++e) {
    const int half = e / 128, group = e % 128 / 32, lane = e % 32, j = e / 16;
    const int low = j < 8 ? Low(s[j]) : High(s[j - 8]);
    const int high = (s[8 + j % 4] >> (2 * (j / 4))) & 3;
    const bool bit = (b[lane] >> (4 * half + group)) & 1;
    const int q = TwoBits(b + 32, e) - (bit ? 0 : 4);
    x[e] = d * static_cast<float>((low | high << 4) - 32) * static_cast<float>(q);
  }
}

// The 6-bit scale and minimum of sub-block j of Q4_K and Q5_K.
struct ScaleMin {
  int scale, min;
};
ScaleMin ScaleMinOf(Block s, int j) {
  if (j < 4) return {s[j] & 63, s[j + 4] & 63};
  return {Low(s[j + 4]) | (s[j - 4] >> 6) << 4, High(s[j + 4]) | (s[j] >> 6) << 4};
}

void Q4_K(Block b, float* x) {
  const float d = Half(b, 0);
  const float dmin = Half(b, 2);
  for (int j = 0; j < 8; ++j) {
    const ScaleMin sm = ScaleMinOf(b + 4, j);
    const float scale = d * static_cast<float>(sm.scale);
    const float min = dmin * static_cast<float>(sm.min);
    for (int l = 0; l < 32; ++l) {
      const uint8_t byte = b[16 + 32 * (j / 2) + l];
      x[32 * j + l] = scale * static_cast<float>(j % 2 == 0 ? Low(byte) : High(byte)) - min;
    }
  }
}

void Q5_K(Block b, float* x) {
  const float d = Half(b, 0);
  const float dmin = Half(b, 2);
  for (int j = 0; j < 8; ++j) {
    const ScaleMin sm = ScaleMinOf(b + 4, j);
    const float scale = d * static_cast<float>(sm.scale);
    const float min = dmin * static_cast<float>(sm.min);
    for (int l = 0; l < 32; ++l) {
      const uint8_t byte = b[48 + 32 * (j / 2) + l];
      const int q = (j % 2 == 0 ? Low(byte) : High(byte)) | ((b[16 + l] >> j) & 1) << 4;
      x[32 * j + l] = scale * static_cast<float>(q) - min;
    }
  }
}

void Q6_K(Block b, float* x) {
  const float d = Half(b, 208);
  for (int e = 0; e < 256; ++e) {
    const int h = e / 128, g = e % 128 / 32, l = e % 32;
    const uint8_t byte = b[64 * h + 32 * (g & 1) + l];
    const int low = g < 2 ? Low(byte) : High(byte);
    const int high = (b[128 + 32 * h + l] >> (2 * g)) & 3;
    const int scale = static_cast<int8_t>(b[192 + 8 * h + 2 * g + l / 16]);
    x[e] = d * static_cast<float>(scale) * static_cast<float>((low | high << 4) - 32);
  }
}

constexpr float kIq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                            1,    13,   25,  38,  53,  69,  89,  113};

void IQ4_NL(Block b, float* x) {
  const float d = Half(b, 0);
  for (int e = 0; e < 32; ++e) x[e] = d * kIq4[Nibble(b + 2, e)];
}

void IQ4_XS(Block b, float* x) {
  const float d = Half(b, 0);
  const uint16_t high = U16(b, 2);
  for (int i = 0; i < 8; ++i) {
    const uint8_t byte = b[4 + i / 2];
    const int scale = (i % 2 == 0 ? Low(byte) : High(byte)) | ((high >> (2 * i)) & 3) << 4;
    const float s = d * static_cast<float>(scale - 32);
    Block nibbles = b + 8 + static_cast<ptrdiff_t>(16) * i;
    for (int e = 0; e < 32; ++e) x[32 * i + e] = s * kIq4[Nibble(nibbles, e)];
  }
}

// Twice the values of E2M1.
constexpr float kFp4[16] = {0, 1, 2, 3, 4, 6, 8, 12, -0.0f, -1, -2, -3, -4, -6, -8, -12};

void MXFP4(Block b, float* x) {
  const float scale = std::ldexp(1.0f, b[0] - 128);  // 2^(e - 128): half of E8M0, to match kFp4
  for (int e = 0; e < 32; ++e) x[e] = scale * kFp4[Nibble(b + 1, e)];
}

// Unsigned E4M3 with bias 7.
float Ue4m3(uint8_t code) {
  if (code == 0 || code == 0x7F) return 0.0f;
  const int exponent = (code >> 3) & 15;
  const float mantissa = static_cast<float>(code & 7);
  if (exponent == 0) return std::ldexp(mantissa, -9);
  return std::ldexp(1.0f + mantissa / 8.0f, exponent - 7);
}

void NVFP4(Block b, float* x) {
  for (int s = 0; s < 4; ++s) {
    const float scale = Ue4m3(b[s]) / 2.0f;
    for (int j = 0; j < 8; ++j) {
      const uint8_t byte = b[4 + 8 * s + j];
      x[16 * s + j] = scale * kFp4[Low(byte)];
      x[16 * s + j + 8] = scale * kFp4[High(byte)];
    }
  }
}

float Trit(uint8_t byte, int digit) {
  static constexpr int kPow3[5] = {1, 3, 9, 27, 81};
  const int t = (byte * kPow3[digit]) & 255;
  return static_cast<float>(((3 * t) >> 8) - 1);
}

void TQ1_0(Block b, float* x) {
  const float d = Half(b, 52);
  for (int digit = 0; digit < 5; ++digit) {
    for (int i = 0; i < 32; ++i) *x++ = d * Trit(b[i], digit);
  }
  for (int digit = 0; digit < 5; ++digit) {
    for (int i = 0; i < 16; ++i) *x++ = d * Trit(b[32 + i], digit);
  }
  for (int digit = 0; digit < 4; ++digit) {
    for (int i = 0; i < 4; ++i) *x++ = d * Trit(b[48 + i], digit);
  }
}

void TQ2_0(Block b, float* x) {
  const float d = Half(b, 64);
  for (int e = 0; e < 256; ++e) x[e] = d * static_cast<float>(TwoBits(b, e) - 1);
}

void Q1_0(Block b, float* x) {
  const float d = Half(b, 0);
  for (int e = 0; e < 128; ++e) x[e] = (b[2 + e / 8] >> (e % 8)) & 1 ? d : -d;
}

void Q2_0(Block b, float* x) {
  const float d = Half(b, 0);
  for (int e = 0; e < 64; ++e)
    x[e] = d * static_cast<float>(((b[2 + e / 4] >> (2 * (e % 4))) & 3) - 1);
}

}  // namespace

const Decoder kDecoders[21] = {
    F32,
    F16,
    BF16,
    Blocks<32, 34, Q8_0>,
    Blocks<32, 18, Q4_0>,
    Blocks<32, 20, Q4_1>,
    Blocks<32, 22, Q5_0>,
    Blocks<32, 24, Q5_1>,
    Blocks<256, 84, Q2_K>,
    Blocks<256, 110, Q3_K>,
    Blocks<256, 144, Q4_K>,
    Blocks<256, 176, Q5_K>,
    Blocks<256, 210, Q6_K>,
    Blocks<32, 18, IQ4_NL>,
    Blocks<256, 136, IQ4_XS>,
    Blocks<32, 17, MXFP4>,
    Blocks<64, 36, NVFP4>,
    Blocks<256, 54, TQ1_0>,
    Blocks<256, 66, TQ2_0>,
    Blocks<128, 18, Q1_0>,
    Blocks<64, 18, Q2_0>,
};

}  // namespace carat::kernels::reference
