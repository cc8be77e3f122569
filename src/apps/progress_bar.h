// One bar for long work: what, how much, how fast, how long yet.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace carat {

// Writes to standard error: on a terminal one line that is drawn again, at most ten times a second,
// through all steps; else a line at each tenth of a step. Ends its line when destroyed.
class ProgressBar {
 public:
  explicit ProgressBar(bool quiet = false);  // quiet: it shows nothing
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar();

  // Bytes of the step `what`; speed and time are those of the step, which begins where the name
  // changes.
  void Show(const std::string& what, uint64_t done, uint64_t total);
  // For calls that tell their progress: shows it as the step `what`; false after Ctrl-C. Borrows
  // this.
  std::function<bool(uint64_t done, uint64_t total)> Watch(std::string what);
  // Ends the line, so that something else can be written.
  void End();

 private:
  void Draw(uint64_t done, uint64_t total);

  bool quiet_, terminal_;
  std::string what_;
  double began_ = 0, drawn_ = 0;  // seconds
  uint64_t first_ = 0;            // bytes that were there when the step began
  int tenth_ = -1;
  bool open_ = false;
};

// "6.98 GB", "4.1 MB", "512 bytes".
std::string ByteText(uint64_t bytes);
// "3 s", "2:05 min", "1:20 h".
std::string DurationText(double seconds);

}  // namespace carat
