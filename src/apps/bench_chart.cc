#include "apps/bench_chart.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/markup.h"

namespace carat {
std::string BenchChart(const BenchReport& report) {
  constexpr int kWidth = 760, kLeft = 130, kBar = 400, kRow = 26, kTop = 64;
  const int height = kTop + kRow * static_cast<int>(report.records.size()) + 16;
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
      "viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"13\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n",
      kWidth, height);
  const auto text = [&](int x, int y, std::string_view anchor, std::string_view words) {
    out += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"{}\" fill=\"#222222\">{}</text>\n", x,
                       y, anchor, EscapeMarkup(words));
  };
  text(16, 24, "start",
       fmt::format(
           "carat on {}, {} threads, kernels {}", report.machine.Find("processor")->string(),
           report.settings.Find("threads")->integer(), report.settings.Find("kernels")->string()));
  text(16, 44, "start", "share of the limit measured in the same run; tokens per second of each");
  for (const int tenth : {0, 5, 10}) {
    const int x = kLeft + kBar * tenth / 10;
    out += fmt::format("<line x1=\"{0}\" y1=\"{1}\" x2=\"{0}\" y2=\"{2}\" stroke=\"#cccccc\"/>\n",
                       x, kTop - 6, height - 12);
  }
  int y = kTop;
  for (const BenchRecord& record : report.records) {
    text(kLeft - 8, y + 14, "end", record.name);
    if (!record.skipped.empty()) {
      text(kLeft + 8, y + 14, "start", "not measured: " + record.skipped);
    } else {
      const double share = std::clamp(record.fraction_of_limit(), 0.0, 1.0);
      out +=
          fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\" fill=\"#3b6ea8\"/>\n",
                      kLeft, y, kBar * share, kRow - 8);
      std::string figures = fmt::format("{:.2f} of {:.2f}", record.tokens_per_second(),
                                        record.limit_tokens_per_second());
      if (record.ratio_to_one_token)
        figures += fmt::format(", {:.2f} × one token", *record.ratio_to_one_token);
      text(kLeft + kBar + 10, y + 14, "start", figures);
    }
    y += kRow;
  }
  return out + "</svg>\n";
}

}  // namespace carat
