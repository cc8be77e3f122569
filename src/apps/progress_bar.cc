#include "apps/progress_bar.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "apps/interrupt.h"
#include "apps/output.h"
#include "sys/clock.h"

namespace carat {

std::string ByteText(uint64_t bytes) {
  const auto n = static_cast<double>(bytes);
  if (n >= 1e9) return fmt::format("{:.2f} GB", n / 1e9);
  if (n >= 1e6) return fmt::format("{:.1f} MB", n / 1e6);
  if (n >= 1e4) return fmt::format("{:.0f} kB", n / 1e3);
  return fmt::format("{} bytes", bytes);
}

std::string DurationText(double seconds) {
  const auto s = static_cast<int64_t>(std::ceil(std::clamp(seconds, 0.0, 1e7)));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{}:{:02} min", s / 60, s % 60);
  return fmt::format("{}:{:02} h", s / 3600, s % 3600 / 60);
}

ProgressBar::ProgressBar(bool quiet) : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() { End(); }

void ProgressBar::End() {
  if (open_) WriteErr("\n");
  open_ = false;
}

std::function<bool(uint64_t, uint64_t)> ProgressBar::Watch(std::string what) {
  return [this, what = std::move(what)](uint64_t done, uint64_t total) {
    Show(what, done, total);
    return !Interrupted();
  };
}

void ProgressBar::Show(const std::string& what, uint64_t done, uint64_t total) {
  if (quiet_) return;
  const double now = Now();
  if (what != what_) {  // on the same line
    what_ = what;
    began_ = now;
    first_ = done;
    drawn_ = 0;
    tenth_ = -1;
  }
  const int tenth =
      total == 0 ? 10
                 : static_cast<int>(10.0 * static_cast<double>(done) / static_cast<double>(total));
  const bool due = terminal_ ? now - drawn_ >= 0.1 || done == total : tenth != tenth_;
  if (!due) return;
  tenth_ = tenth;
  drawn_ = now;
  Draw(done, total);
}

void ProgressBar::Draw(uint64_t done, uint64_t total) {
  const double share =
      total == 0 ? 1.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const double seconds = drawn_ - began_;
  std::string rest;
  if (done > first_ && seconds > 0.5) {
    const double speed = static_cast<double>(done - first_) / seconds;
    rest = fmt::format("  {}/s", ByteText(static_cast<uint64_t>(speed)));
    if (done < total)
      rest += fmt::format("  {} left", DurationText(static_cast<double>(total - done) / speed));
  }
  constexpr int kMost = 24, kTexts = 68;  // columns of the bar, and beside it
  winsize size{};
  const bool known = terminal_ && ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  const int width = known ? std::clamp(size.ws_col - kTexts, 0, kMost) : kMost;
  const int full = static_cast<int>(share * width);
  std::string bar;
  for (int i = 0; i < width; ++i) bar += i < full ? "█" : "░";
  const std::string text = fmt::format("{} {} {:3.0f} %  {} of {}{}", what_, bar, 100 * share,
                                       ByteText(done), ByteText(total), rest);
  if (terminal_) {
    WriteErr("\r\x1b[2K" + text);
    open_ = true;
  } else {
    WriteErr(text + "\n");
  }
}

}  // namespace carat
