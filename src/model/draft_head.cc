#include "model/draft_head.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/check.h"
#include "kernels/interleaved.h"
#include "ops/matmul.h"
#include "tensor/half.h"

namespace carat {
namespace {

constexpr size_t kBlock = 32, kBlockBytes = 18;  // of Q4_0 (gguf specification, 5.2)
constexpr float kLargest = 1e5f;  // of a row's length, so that its blocks' scales fit f16
constexpr float kNever = -1e30f;  // the logit of an excluded id
// Share of |v| |y| that rounding in f32 can add to a sum of some thousand products.
constexpr float kRounding = 4e-5f;

bool HasScreen(const MatrixView& stored, bool screened) {
  return screened && kernels::CanInterleave(DType::kQ4_0, stored.cols);
}

// Formats that need no more bits than the screen are their own.
DType ScreenType(const MatrixView& stored) {
  const bool small = stored.dtype == DType::kQ4_0 || stored.dtype == DType::kQ4_K;
  return small && stored.scale == 1.0f && kernels::CanInterleave(stored.dtype, stored.cols)
             ? stored.dtype
             : DType::kQ4_0;
}

// Loops over lanes, which compilers turn into vectors.
constexpr size_t kLanes = 8;

// |x| in f32: bounds leave room for its rounding.
float Norm(std::span<const float> x) {
  float sums[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes)
    for (size_t l = 0; l < kLanes; ++l) sums[l] += x[i + l] * x[i + l];
  for (; i < x.size(); ++i) sums[0] += x[i] * x[i];
  float sum = 0;
  for (const float s : sums) sum += s;
  return std::sqrt(sum);
}

// The value of a block that is farthest from zero.
float Top(const float* values) {
  float low[kLanes], high[kLanes];
  for (size_t l = 0; l < kLanes; ++l) low[l] = high[l] = values[l];
  for (size_t i = kLanes; i < kBlock; i += kLanes) {
    for (size_t l = 0; l < kLanes; ++l) {
      low[l] = values[i + l] < low[l] ? values[i + l] : low[l];
      high[l] = values[i + l] > high[l] ? values[i + l] : high[l];
    }
  }
  for (size_t l = 1; l < kLanes; ++l) {
    low[0] = std::min(low[0], low[l]);
    high[0] = std::max(high[0], high[l]);
  }
  return high[0] > -low[0] ? high[0] : low[0];
}

// Blocks of Q4_0 whose values are about x, which are finite and no larger than f16 can scale; puts
// what they decode to in its place.
void RoundBlocks(std::span<float> x, std::byte* out) {
  for (size_t b = 0; b < x.size() / kBlock; ++b, out += kBlockBytes) {
    float* values = x.data() + b * kBlock;
    const uint16_t bits = ToF16(Top(values) / -8.0f);
    const float scale = FromF16(bits), inverse = scale == 0 ? 0.0f : 1.0f / scale;
    int32_t q[kBlock];
    for (size_t i = 0; i < kBlock; ++i) {
      const auto v = static_cast<int32_t>(values[i] * inverse + 8.5f);  // 0 to 16
      q[i] = v < 15 ? v : 15;
      values[i] = scale * static_cast<float>(q[i] - 8);
    }
    std::memcpy(out, &bits, sizeof bits);
    for (size_t i = 0; i < kBlock / 2; ++i)
      out[2 + i] = static_cast<std::byte>(q[i] | q[i + kBlock / 2] << 4);
  }
}

// |y - z|, z being y as kernels::Table::quantise rounds it.
float RoundingOf(std::span<const float> y) {
  constexpr size_t kPiece = 256;
  double sum = 0;
  for (size_t begin = 0; begin < y.size(); begin += kPiece) {
    const auto piece = y.subspan(begin, std::min(kPiece, y.size() - begin));
    float top = 0;
    for (const float v : piece) top = std::max(top, std::abs(v));
    if (top < 1e-30f) continue;
    const float scale = top / 127.0f, inverse = 127.0f / top;
    for (const float v : piece) {
      const double error = double{v} - double{scale} * std::nearbyint(v * inverse);
      sum += error * error;
    }
  }
  return static_cast<float>(std::sqrt(sum));
}

}  // namespace

size_t DraftHead::Bytes(const MatrixView& stored, bool screened) {
  if (!HasScreen(stored, screened)) return stored.rows * sizeof(float);
  return kernels::InterleavedBytes(ScreenType(stored), stored.rows, stored.cols) +
         3 * stored.rows * sizeof(float);
}

Result<DraftHead> DraftHead::Create(OpContext& context, const MatrixView& stored, bool screened) {
  CARAT_CHECK(!stored.interleaved);
  DraftHead head;
  head.stored_ = stored;
  head.logits_.resize(stored.rows);
  if (!HasScreen(stored, screened)) return head;
  const DType type = ScreenType(stored);
  const bool same = type == stored.dtype && stored.scale == 1.0f;
  std::atomic<size_t> broken = SIZE_MAX;  // a row that can't be screened
  CARAT_ASSIGN(head.memory_,
               LazyBuffer::Create(kernels::InterleavedBytes(type, stored.rows, stored.cols),
                                  LazyBuffer::Pages::kHuge));
  head.own_error_.resize(stored.rows);
  head.own_norm_.resize(stored.rows);
  constexpr size_t kRows = kernels::kGroupRows;
  const size_t cols = stored.cols, group_bytes = kernels::GroupBytes(type, cols);
  context.pool().Run((stored.rows + kRows - 1) / kRows, [&](size_t group, int thread) {
    const size_t first = group * kRows, rows = std::min(kRows, stored.rows - first);
    const size_t block_bytes = kRows * cols / kBlock * kBlockBytes;
    float* exact = context.Scratch(thread, 2 * cols + block_bytes / sizeof(float));
    float* about = exact + cols;
    auto* blocks = reinterpret_cast<std::byte*>(about + cols);
    for (size_t r = 0; r < rows; ++r) {
      context.table().decode[static_cast<size_t>(stored.dtype)](stored.row(first + r), cols, exact);
      for (size_t c = 0; c < cols; ++c) exact[c] *= stored.scale;
      if (!(Norm({exact, cols}) < kLargest)) {
        broken = first + r;
        std::fill_n(exact, cols, 0.0f);
      }
      if (!same) {
        std::copy_n(exact, cols, about);
        RoundBlocks({about, cols}, blocks + r * (cols / kBlock * kBlockBytes));
        head.own_norm_[first + r] = Norm({about, cols});
        for (size_t c = 0; c < cols; ++c) about[c] -= exact[c];
        head.own_error_[first + r] = Norm({about, cols});
      } else {
        head.own_norm_[first + r] = Norm({exact, cols});
      }
    }
    kernels::InterleaveGroup(type, same ? stored.row(first) : blocks, rows, cols,
                             head.memory_.data() + group * group_bytes);
  });
  if (broken != SIZE_MAX) {
    return Fail({.what = "a row of the drafter's head is not finite, or out of range",
                 .where = "row " + std::to_string(broken.load())});
  }
  head.screen_ = {.data = head.memory_.data(),
                  .dtype = type,
                  .rows = stored.rows,
                  .cols = cols,
                  .interleaved = true};
  head.error_ = head.own_error_;  // where they lie does not change when the head is moved
  head.norm_ = head.own_norm_;
  return head;
}

Result<DraftHead> DraftHead::Create(const MatrixView& stored, const StoredScreen& screen) {
  if (!HasScreen(stored, true) || screen.dtype != ScreenType(stored) ||
      screen.rows.size() != kernels::InterleavedBytes(screen.dtype, stored.rows, stored.cols) ||
      screen.error.size() != stored.rows || screen.norm.size() != stored.rows) {
    return Fail({.what = "the stored screen of the drafter's head is another head's"});
  }
  DraftHead head;
  head.stored_ = stored;
  head.logits_.resize(stored.rows);
  head.screen_ = {.data = screen.rows.data(),
                  .dtype = screen.dtype,
                  .rows = stored.rows,
                  .cols = stored.cols,
                  .interleaved = true};
  head.error_ = screen.error;
  head.norm_ = screen.norm;
  return head;
}

size_t DraftHead::borrowed_bytes() const {
  const auto all = screen();
  return all && own_norm_.empty()
             ? all->rows.size() + all->error.size_bytes() + all->norm.size_bytes()
             : 0;
}

std::optional<StoredScreen> DraftHead::screen() const {
  if (screen_.empty()) return std::nullopt;
  return StoredScreen{
      .dtype = screen_.dtype,
      .rows = {screen_.data, kernels::InterleavedBytes(screen_.dtype, screen_.rows, screen_.cols)},
      .error = error_,
      .norm = norm_};
}

void DraftHead::Logits(OpContext& context, std::span<const float> y, std::span<float> out) const {
  CARAT_CHECK(y.size() == stored_.cols && out.size() == stored_.rows);
  MatMul(context, Role::kGenerated, stored_, y.data(), 1, out.data());
}

DraftHead::Choice DraftHead::Best(OpContext& context, std::span<const float> y,
                                  std::span<const TokenId> excluded) {
  const bool screened = !screen_.empty();
  MatMul(context, Role::kGenerated, screened ? screen_ : stored_, y.data(), 1, logits_.data());
  for (const TokenId id : excluded) {
    if (id >= 0 && static_cast<size_t>(id) < logits_.size())
      logits_[static_cast<size_t>(id)] = kNever;
  }
  const float length = 1.0001f * Norm(y), rounding = RoundingOf(y) + kRounding * length;
  const auto row = [&](int thread, size_t r) {
    if (!screened) return logits_[r];
    float* values = context.Scratch(thread, stored_.cols);
    float logit = 0;
    context.table().decode[static_cast<size_t>(stored_.dtype)](stored_.row(r), stored_.cols,
                                                               values);
    context.table().matmul(values, 1, y.data(), 1, stored_.cols, &logit, 1);
    return stored_.scale * logit;
  };

  // In parts that do not depend on the number of threads.
  constexpr size_t kPart = 8192;
  std::vector<Part>& parts = parts_;
  parts.assign((logits_.size() + kPart - 1) / kPart, {.best = {.logit = kNever}});
  const auto slice = [&](size_t p) {
    return std::span(logits_).subspan(p * kPart, std::min(kPart, logits_.size() - p * kPart));
  };
  context.pool().Run(parts.size(), [&](size_t p, int) {
    const auto all = slice(p);
    parts[p].top = p * kPart + static_cast<size_t>(std::ranges::max_element(all) - all.begin());
  });
  size_t top = 0;
  for (const Part& part : parts) {
    if (logits_[part.top] > logits_[top]) top = part.top;
  }
  if (!std::isfinite(length) || !(logits_[top] > kNever)) return {};
  const float least = row(0, top);  // no logit below it is the highest
  context.pool().Run(parts.size(), [&](size_t p, int thread) {
    const auto all = slice(p);
    Part& part = parts[p];
    for (size_t i = 0; i < all.size(); ++i) {
      const size_t r = p * kPart + i;
      const float slack = screened ? error_[r] * length + (norm_[r] + error_[r]) * rounding : 0.0f;
      if (all[i] == kNever || all[i] + slack < least) continue;
      const float logit = row(thread, r);
      ++part.best.full_rows;
      if (logit > part.best.logit) {
        part.best.id = static_cast<TokenId>(r);
        part.best.logit = logit;
      }
    }
    part.sum = context.table().exp_scores(all.data(), all.size(), &part.highest);
  });
  return Together();
}

// The best of all parts, and its share of the softmax.
DraftHead::Choice DraftHead::Together() const {
  Choice best{.logit = kNever};
  float highest = kNever;
  for (const Part& part : parts_) {
    best.full_rows += part.best.full_rows;
    highest = std::max(highest, part.highest);
    if (part.best.id >= 0 && (best.id < 0 || part.best.logit > best.logit)) {
      best.id = part.best.id;
      best.logit = part.best.logit;
    }
  }
  float sum = 0;
  for (const Part& part : parts_) sum += part.sum * std::exp(part.highest - highest);
  best.probability = std::min(1.0f, std::exp(best.logit - highest) / sum);
  return best;
}

}  // namespace carat
