#include "media/resize.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace carat {
namespace {

// Keys' cubic with a = -0.5.
double Cubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1) return ((kA + 2) * x - (kA + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * kA;
  return 0;
}

// What goes into each output of one axis: input pixels first[i] … with integer weights, `taps`
// places for each output. Sixteen bits are enough for every weight, and twice as fast as 32.
struct Axis {
  size_t taps = 0;  // a multiple of kLanes; the weights behind count[i] are 0
  int precision = 0;
  std::vector<size_t> first, count;
  std::vector<int16_t> weights;
};

constexpr size_t kLanes = 8;  // sixteen-bit numbers that the plainest vectors hold

Axis MakeAxis(size_t in, size_t out) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double stretch = std::max(scale, 1.0);
  const double support = 2 * stretch;
  Axis axis;
  const size_t most = 2 * static_cast<size_t>(std::ceil(support)) + 1;
  axis.taps = (most + kLanes - 1) / kLanes * kLanes;
  std::vector<double> exact(out * axis.taps, 0.0);
  double largest = 0;
  for (size_t i = 0; i < out; ++i) {
    const double center = scale * (static_cast<double>(i) + 0.5);
    const auto begin =
        std::max<int64_t>(0, static_cast<int64_t>(std::floor(center - support + 0.5)));
    const auto end = std::min(static_cast<int64_t>(in),
                              static_cast<int64_t>(std::floor(center + support + 0.5)));
    const auto count =
        static_cast<size_t>(std::clamp<int64_t>(end - begin, 0, static_cast<int64_t>(most)));
    double* weights = &exact[i * axis.taps];
    double sum = 0;
    for (size_t j = 0; j < count; ++j) {
      const auto at = static_cast<double>(begin + static_cast<int64_t>(j));
      weights[j] = Cubic((at - center + 0.5) * (1 / stretch));
      sum += weights[j];
    }
    for (size_t j = 0; j < count; ++j) {
      weights[j] /= sum;
      largest = std::max(largest, weights[j]);
    }
    axis.first.push_back(static_cast<size_t>(begin));
    axis.count.push_back(count);
  }
  // The most bits with which every weight fits sixteen.
  while (axis.precision < 22 &&
         std::floor(0.5 + largest * std::ldexp(1.0, axis.precision + 1)) < (1 << 15))
    ++axis.precision;
  for (const double weight : exact) {
    const double scaled = weight * std::ldexp(1.0, axis.precision);
    axis.weights.push_back(static_cast<int16_t>(scaled + (weight < 0 ? -0.5 : 0.5)));
  }
  return axis;
}

uint8_t Rounded(int32_t sum, int precision) {
  return static_cast<uint8_t>(std::clamp(sum >> precision, 0, 255));
}

int32_t Half(const Axis& axis) { return axis.precision > 0 ? 1 << (axis.precision - 1) : 0; }

// A sum of products that compilers turn into one instruction for eight of them.
int32_t Dot(const int16_t* a, const int16_t* b, size_t n) {
  int32_t sum = 0;
  for (size_t i = 0; i < n; ++i) sum += int32_t{a[i]} * int32_t{b[i]};
  return sum;
}

Pixels ResizeWidth(const Pixels& from, size_t width) {
  const Axis axis = MakeAxis(from.width, width);
  Pixels out{from.height, width, std::vector<uint8_t>(3 * from.height * width)};
  // A line, channel by channel; the taps of its last pixels reach beyond it.
  const size_t reach = from.width + axis.taps;
  std::vector<int16_t> planes(3 * reach, 0);
  for (size_t y = 0; y < from.height; ++y) {
    const uint8_t* line = &from.rgb[3 * y * from.width];
    for (size_t x = 0; x < from.width; ++x) {
      for (size_t c = 0; c < 3; ++c) planes[c * reach + x] = line[3 * x + c];
    }
    uint8_t* to = &out.rgb[3 * y * width];
    for (size_t x = 0; x < width; ++x) {
      const int16_t* weights = &axis.weights[x * axis.taps];
      for (size_t c = 0; c < 3; ++c) {
        const int32_t sum = Dot(weights, &planes[c * reach + axis.first[x]], axis.taps);
        to[3 * x + c] = Rounded(sum + Half(axis), axis.precision);
      }
    }
  }
  return out;
}

Pixels ResizeHeight(const Pixels& from, size_t height) {
  const Axis axis = MakeAxis(from.height, height);
  const size_t line = 3 * from.width;
  Pixels out{height, from.width, std::vector<uint8_t>(height * line)};
  std::vector<int32_t> sum(line);
  for (size_t y = 0; y < height; ++y) {
    std::ranges::fill(sum, Half(axis));
    for (size_t j = 0; j < axis.count[y]; ++j) {
      const int16_t weight = axis.weights[y * axis.taps + j];
      const uint8_t* in = &from.rgb[(axis.first[y] + j) * line];
      for (size_t i = 0; i < line; ++i)
        sum[i] += int32_t{weight} * int32_t{static_cast<int16_t>(in[i])};
    }
    for (size_t i = 0; i < line; ++i) out.rgb[y * line + i] = Rounded(sum[i], axis.precision);
  }
  return out;
}

}  // namespace

PixelSize FittedSize(PixelSize from, size_t max_patches) {
  CARAT_CHECK(from.height > 0 && from.width > 0 && max_patches > 0);
  const auto pixels = static_cast<double>(max_patches * kPatchSide * kPatchSide);
  const auto height = static_cast<double>(from.height), width = static_cast<double>(from.width);
  const double factor = std::sqrt(pixels / (height * width));
  auto rows = static_cast<size_t>(factor * height / double{kPatchSide});
  auto columns = static_cast<size_t>(factor * width / double{kPatchSide});
  if (rows == 0) {
    rows = 1;
    columns = std::clamp<size_t>(from.width / from.height, 1, max_patches);
  } else if (columns == 0) {
    columns = 1;
    rows = std::clamp<size_t>(from.height / from.width, 1, max_patches);
  }
  return {rows * kPatchSide, columns * kPatchSide};
}

Pixels Resize(const Pixels& from, PixelSize to) {
  CARAT_CHECK(from.height > 0 && from.width > 0 && to.height > 0 && to.width > 0);
  CARAT_CHECK(from.rgb.size() == 3 * from.height * from.width);
  Pixels wide;
  const Pixels* at = &from;
  if (from.width != to.width) {
    wide = ResizeWidth(from, to.width);
    at = &wide;
  }
  return at->height != to.height ? ResizeHeight(*at, to.height) : *at;
}

}  // namespace carat
