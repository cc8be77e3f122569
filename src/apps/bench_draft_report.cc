// The drafting report as JSON, table, CSV and chart.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "apps/bench_draft.h"
#include "apps/output.h"
#include "apps/terminal.h"
#include "base/markup.h"

namespace carat {
namespace {

constexpr std::string_view kKindNames[kNumTextKinds] = {"answer", "thinking", "tool_call"};

std::string WayName(int drafts) {
  if (drafts == SessionOptions::kNoDrafts) return "plain";
  return drafts == SessionOptions::kAutoDrafts ? "auto" : fmt::format("depth {}", drafts);
}

double Share(size_t part, size_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

// The run that saw most: a fixed depth, if there was one, for auto stops where it does not pay.
const DraftedText& MostDrafted(const DraftBenchReport& report) {
  return *std::ranges::max_element(report.texts, {},
                                   [](const DraftedText& t) { return t.counts.checked; });
}

constexpr std::string_view kBlues[] = {"#b8c7d9", "#94aecb", "#6f93bb",
                                       "#4b79ac", "#2a5d96", "#123f74"};
constexpr std::string_view kRed = "#c0392b";

double SpeedUp(const DraftBenchReport& report, const DraftedText& text) {
  return text.tokens_per_second() / report.texts[0].tokens_per_second();
}

// Plots side by side over the same depths.
class DepthPlots {
 public:
  struct Plot {
    double left, most;
    double X(size_t depth) const {
      return left + kWidth * static_cast<double>(depth - 1) / (kMaxDraftDepth - 1);
    }
    double Y(double value) const { return kTop + kHeight * (1 - std::min(value / most, 1.0)); }
  };

  explicit DepthPlots(std::string_view title) { Text(16, 22, "start", title); }

  void Axes(const Plot& plot, double step, std::string_view title) {
    Text(plot.left, kTop - 14, "start", title);
    const auto lines = static_cast<int>(plot.most / step + 1e-9);
    for (int i = 0; i <= lines; ++i) {
      const double y = plot.Y(i * step);
      fmt::format_to(std::back_inserter(out_),
                     "<line x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" "
                     "stroke=\"#dddddd\"/>\n",
                     plot.left, plot.left + kWidth, y);
      Text(plot.left - 6, y + 4, "end", fmt::format("{:.1f}", i * step));
    }
    for (size_t depth = 1; depth <= kMaxDraftDepth; ++depth)
      Text(plot.X(depth), kTop + kHeight + 16, "middle", std::to_string(depth));
  }

  // Through value(1), value(2), …; what is negative is left out.
  template <class Value>
  void Line(const Plot& plot, std::string_view colour, bool dashed, std::string_view name,
            const Value& value) {
    std::string points;
    double x = 0, y = 0;
    for (size_t depth = 1; depth <= kMaxDraftDepth; ++depth) {
      const double v = value(depth);
      if (v < 0) continue;
      x = plot.X(depth);
      y = plot.Y(v);
      fmt::format_to(std::back_inserter(points), "{:.1f},{:.1f} ", x, y);
    }
    if (points.empty()) return;
    fmt::format_to(std::back_inserter(out_),
                   "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" "
                   "stroke-dasharray=\"{}\"/>\n",
                   points, colour, dashed ? "5 4" : "none");
    Text(x + 4, y + 4, "start", name);
  }

  std::string Svg() const {
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"820\" height=\"380\" "
           "viewBox=\"0 0 820 380\" font-family=\"sans-serif\" font-size=\"12\">\n<rect "
           "width=\"820\" height=\"380\" fill=\"#ffffff\"/>\n" +
           out_ + "</svg>\n";
  }

 private:
  static constexpr double kTop = 60, kHeight = 260, kWidth = 300;

  void Text(double x, double y, std::string_view anchor, std::string_view words) {
    fmt::format_to(
        std::back_inserter(out_),
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" fill=\"#222222\">{}</text>\n", x, y,
        anchor, EscapeMarkup(words));
  }

  std::string out_;
};

}  // namespace

Json ToJson(const DraftBenchReport& report) {
  Json out, costs;
  out.Set("machine", report.machine);
  out.Set("settings", report.settings);
  Json::Array passes, predicted, drawn, texts;
  for (size_t n = 1; n <= kMaxDraftDepth + 1; ++n) passes.emplace_back(report.costs.pass[n]);
  costs.Set("pass_seconds", std::move(passes));
  costs.Set("draft_seconds", report.costs.draft);
  out.Set("costs", std::move(costs));
  for (const double acceptance : kAcceptances) {
    Json::Array by_depth;
    for (size_t depth = 1; depth <= kMaxDraftDepth; ++depth)
      by_depth.emplace_back(PredictedSpeedUp(report.costs, acceptance, depth));
    Json row;
    row.Set("acceptance", acceptance);
    row.Set("speed_up_by_depth", std::move(by_depth));
    predicted.push_back(std::move(row));
  }
  out.Set("predicted", std::move(predicted));
  for (const double speed : report.drawn_tokens_per_second) drawn.emplace_back(speed);
  if (report.drawn_tokens_per_second[0] > 0) out.Set("drawn_tokens_per_s", std::move(drawn));
  for (const DraftedText& text : report.texts) {
    Json row;
    row.Set("name", WayName(text.drafts));
    row.Set("tokens", text.tokens);
    row.Set("seconds", text.seconds);
    row.Set("tokens_per_s", text.tokens_per_second());
    row.Set("speed_up", SpeedUp(report, text));
    if (text.drafts != SessionOptions::kNoDrafts) {
      row.Set("tokens_per_pass", Share(text.counts.tokens, text.counts.passes));
      row.Set("draft_seconds", text.counts.draft_seconds);
      Json acceptance;
      for (size_t k = 0; k < kNumTextKinds; ++k) {
        Json::Array tried, stood;
        for (size_t i = 0; i < kMaxDraftDepth; ++i) {
          tried.emplace_back(static_cast<int64_t>(text.counts.tried[k][i]));
          stood.emplace_back(static_cast<int64_t>(text.counts.accepted_at[k][i]));
        }
        Json both;
        both.Set("tried", std::move(tried));
        both.Set("stood", std::move(stood));
        acceptance.Set(kKindNames[k], std::move(both));
      }
      row.Set("by_position", std::move(acceptance));
    }
    texts.push_back(std::move(row));
  }
  out.Set("texts", std::move(texts));
  return out;
}

void PrintDraftTable(const DraftBenchReport& report) {
  Print("{}, {} threads, kernels {}, cache {}\n",
        EscapeLine(report.machine.Find("processor")->string()),
        report.settings.Find("threads")->integer(), report.settings.Find("kernels")->string(),
        report.settings.Find("cache")->string());
  const DraftCosts& costs = report.costs;
  Print("one token {:.4f} s, one draft {:.4f} s ({:.3f} of it)\n", costs.pass[1], costs.draft,
        costs.draft / costs.pass[1]);
  Print("tokens in a pass");
  for (size_t n = 2; n <= kMaxDraftDepth + 1; ++n) Print("{:>7}", n);
  Print("\n  of one token  ");
  for (size_t n = 2; n <= kMaxDraftDepth + 1; ++n) Print("{:>7.2f}", costs.pass[n] / costs.pass[1]);
  Print(
      "\n\npredicted speed by plain, where a draft stands with this probability\n  depth         ");
  for (size_t depth = 1; depth <= kMaxDraftDepth; ++depth) Print("{:>7}", depth);
  for (const double acceptance : kAcceptances) {
    Print("\n  {:<14.2f}", acceptance);
    for (size_t depth = 1; depth <= kMaxDraftDepth; ++depth)
      Print("{:>7.2f}", PredictedSpeedUp(costs, acceptance, depth));
  }
  Print("\n");
  if (const auto& drawn = report.drawn_tokens_per_second; drawn[0] > 0) {
    Print("\nrounds whose outcome is drawn, tokens/s\n  plain {:.2f}", drawn[0]);
    for (size_t depth = 1; depth < drawn.size() && drawn[depth] > 0; ++depth)
      Print(", depth {} {:.2f}", depth, drawn[depth]);
    Print("\n");
  }
  if (report.texts.empty() || report.texts[0].tokens == 0) return;
  Print("\nanswers         tokens/s  by plain  tokens per pass\n");
  for (const DraftedText& text : report.texts) {
    Print("  {:<12} {:>9.2f} {:>9.2f}", WayName(text.drafts), text.tokens_per_second(),
          SpeedUp(report, text));
    if (text.drafts != SessionOptions::kNoDrafts)
      Print(" {:>9.2f}", Share(text.counts.tokens, text.counts.passes));
    Print("\n");
  }
  const DraftedText& most = MostDrafted(report);
  Print("\ndrafts that were right where those before them were, {}\n  position    ",
        WayName(most.drafts));
  for (size_t i = 1; i <= kMaxDraftDepth; ++i) Print("{:>7}", i);
  for (size_t k = 0; k < kNumTextKinds; ++k) {
    Print("\n  {:<12}", kKindNames[k]);
    for (size_t i = 0; i < kMaxDraftDepth; ++i) {
      const size_t tried = most.counts.tried[k][i];
      Print("{:>7}",
            tried > 0 ? fmt::format("{:.2f}", Share(most.counts.accepted_at[k][i], tried)) : "");
    }
  }
  Print("\n");
}

void PrintDraftCsv(const DraftBenchReport& report) {
  Print("what,depth_or_tokens,acceptance_or_kind,value\n");
  for (size_t n = 1; n < report.costs.pass.size(); ++n)
    Print("pass_seconds,{},,{:.6f}\n", n, report.costs.pass[n]);
  Print("draft_seconds,1,,{:.6f}\n", report.costs.draft);
  for (const double acceptance : kAcceptances) {
    for (size_t depth = 1; depth <= kMaxDraftDepth; ++depth)
      Print("predicted_speed_up,{},{},{:.4f}\n", depth, acceptance,
            PredictedSpeedUp(report.costs, acceptance, depth));
  }
  for (size_t depth = 0; depth <= kMaxDraftDepth; ++depth) {
    if (const double speed = report.drawn_tokens_per_second[depth]; speed > 0)
      Print("drawn_tokens_per_s,{},,{:.4f}\n", depth, speed);
  }
  for (const DraftedText& text : report.texts) {
    if (text.tokens > 0)
      Print("text_tokens_per_s,{},,{:.4f}\n", WayName(text.drafts), text.tokens_per_second());
    for (size_t k = 0; k < kNumTextKinds; ++k) {
      for (size_t i = 0; i < kMaxDraftDepth; ++i) {
        if (text.counts.tried[k][i] == 0) continue;
        Print("stood_at_{},{},{},{:.4f}\n", i + 1, WayName(text.drafts), kKindNames[k],
              Share(text.counts.accepted_at[k][i], text.counts.tried[k][i]));
      }
    }
  }
}

std::string DraftChart(const DraftBenchReport& report) {
  double fastest = 1.5;
  for (size_t depth = 1; depth <= kMaxDraftDepth; ++depth)
    fastest = std::max(fastest, PredictedSpeedUp(report.costs, kAcceptances.back(), depth));
  for (const DraftedText& t : report.texts) {
    if (t.tokens > 0) fastest = std::max(fastest, SpeedUp(report, t));
  }
  DepthPlots plots(fmt::format(
      "drafting with {} on {}, kernels {}: one draft {:.3f} of a token",
      report.settings.Find("model")->string(), report.machine.Find("processor")->string(),
      report.settings.Find("kernels")->string(), report.costs.draft / report.costs.pass[1]));
  const DepthPlots::Plot speed{.left = 50, .most = fastest * 1.05},
      standing{.left = 450, .most = 1};
  plots.Axes(speed, fastest > 3 ? 1 : 0.5,
             "speed by plain, over depth; lines: predicted by acceptance");
  for (size_t i = 0; i < kAcceptances.size(); ++i) {
    plots.Line(speed, kBlues[i], false, fmt::format("{:.2f}", kAcceptances[i]), [&](size_t depth) {
      return PredictedSpeedUp(report.costs, kAcceptances[i], depth);
    });
  }
  const auto measured = [&](int drafts) {
    const auto t = std::ranges::find(report.texts, drafts, &DraftedText::drafts);
    return t != report.texts.end() && t->tokens > 0 ? SpeedUp(report, *t) : -1.0;
  };
  plots.Line(speed, kRed, false, "answers",
             [&](size_t depth) { return measured(static_cast<int>(depth)); });
  plots.Line(speed, kRed, true, "auto",
             [&](size_t) { return measured(SessionOptions::kAutoDrafts); });
  plots.Axes(standing, 0.2, "drafts that were right, over position, by kind of text");
  for (size_t k = 0; k < kNumTextKinds && !report.texts.empty(); ++k) {
    const DraftCounts& counts = MostDrafted(report).counts;
    plots.Line(standing, kBlues[5 - 2 * k], false, kKindNames[k], [&](size_t position) {
      constexpr size_t kEnough = 5;  // drafts, for a share to mean something
      const size_t tried = counts.tried[k][position - 1];
      return tried >= kEnough ? Share(counts.accepted_at[k][position - 1], tried) : -1.0;
    });
  }
  return plots.Svg();
}

}  // namespace carat
