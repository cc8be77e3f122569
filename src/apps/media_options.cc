#include "apps/media_options.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <map>
#include <string>

#include "apps/answer_view.h"
#include "apps/interrupt.h"
#include "media/budget.h"
#include "media/limits.h"
#include "sys/clock.h"
#include "sys/executable.h"

namespace carat {
namespace {

// "auto", or one of the budgets.
size_t BudgetOf(const std::string& text) {
  size_t budget = kAutoBudget;
  std::from_chars(text.data(), text.data() + text.size(), budget);
  return budget;
}

CLI::IsMember IsBudget() {
  std::vector<std::string> names = {"auto"};
  for (const size_t budget : kBudgets) names.push_back(std::to_string(budget));
  return CLI::IsMember(names);
}

bool Given(const CLI::App& command, const char* name) {
  const CLI::Option* option = command.get_option_no_throw(name);
  return option != nullptr && !option->empty();
}

}  // namespace

std::filesystem::path DecoderProgram() {
  const std::filesystem::path here = ExecutableFolder();
  if (here.empty()) return {};  // never one of the current directory
  std::error_code ignored;
  std::filesystem::path beside = here / "carat-decode";
  if (std::filesystem::exists(beside, ignored)) return beside;
  return (here / "../libexec/carat/carat-decode").lexically_normal();
}

void AddBudget(CLI::App& command, std::optional<size_t>& budget) {
  command
      .add_option_function<std::string>(
          "--budget", [&budget](const std::string& text) { budget = BudgetOf(text); },
          "soft tokens of a picture: 70, 140, 280, 560, 1120, or auto: chosen from the picture")
      ->check(IsBudget());
}

void AddMediaOptions(CLI::App& command, bool sound) {
  const auto add = [&](const char* name, const char* help) {
    command
        .add_option_function<std::vector<std::string>>(
            name, [](const std::vector<std::string>&) {}, help)
        ->allow_extra_args(false);
  };
  add("--image", "a picture before the message (may be given again)");
  add("--audio", "sound before the message (may be given again)");
  add("--video", "a film before the message (may be given again)");
  command
      .add_option_function<std::string>(
          "--budget", [](const std::string&) {},
          "soft tokens of a picture: 70, 140, 280, 560, 1120 or auto")
      ->check(IsBudget());
  CLI::Option* frames =
      command
          .add_option_function<int64_t>(
              "--frames", [](int64_t) {}, "frames of a film; 32 if not given, or all that it has")
          ->check(CLI::Range(int64_t{1}, kMaxVideoFrames));
  command
      .add_option_function<double>(
          "--fps", [](double) {}, "frames of a film per second instead")
      ->check(CLI::Range(0.001, kMaxFps))
      ->excludes(frames);
  if (!sound) return;
  command.add_flag_function(
      "--video-sound", [](int64_t) {}, "the sound of films too, each behind its frames");
}

std::vector<MediaRequest> GivenMedia::Requests(PartKind kind, const std::string& path) const {
  MediaRequest request{.kind = kind, .path = path};
  if (kind == PartKind::kImage) request.budget = budget;
  if (kind != PartKind::kVideo) return {request};
  request.frames = frames;
  request.fps = fps;
  if (!video_sound) return {request};
  return {request, {.kind = PartKind::kAudio, .path = path}};
}

GivenMedia ReadMediaOptions(const CLI::App& command) {
  GivenMedia media;
  if (Given(command, "--budget"))
    media.budget = BudgetOf(command.get_option("--budget")->as<std::string>());
  if (Given(command, "--frames")) media.frames = command.get_option("--frames")->as<int64_t>();
  if (Given(command, "--fps")) media.fps = command.get_option("--fps")->as<double>();
  media.video_sound = Given(command, "--video-sound");
  std::map<std::string, size_t> taken;  // values of each option
  for (const CLI::Option* option : command.parse_order()) {
    const std::string name = option->get_name();
    for (const PartKind kind : {PartKind::kImage, PartKind::kAudio, PartKind::kVideo}) {
      if (name != fmt::format("--{}", TypeOf(kind))) continue;
      for (MediaRequest& request : media.Requests(kind, option->results().at(taken[name]++)))
        media.requests.push_back(std::move(request));
    }
  }
  for (const auto& [option, wanted] : {std::pair("--budget", "--image"),
                                       {"--frames", "--video"},
                                       {"--fps", "--video"},
                                       {"--video-sound", "--video"}}) {
    if (!Given(command, option) || taken.contains(wanted)) continue;
    media.idle = option;
    media.wanted = wanted;
  }
  return media;
}

Status CheckAllUsed(const GivenMedia& media) {
  if (media.idle.empty()) return {};
  return Fail({.what = "an option without anything to act on",
               .where = media.idle,
               .wanted = media.wanted});
}

MediaDecoder AppDecoder(bool bar) {
  constexpr double kQuickSeconds = 1;  // a bar for what takes longer,
  constexpr double kStep = 0.1;        // drawn so often
  // Each file gets a fresh copy of this.
  return MediaDecoder(DecoderProgram(), [bar, begin = 0.0, drawn = 0.0](double share) mutable {
    const double now = Now();
    if (begin == 0) begin = now;
    if (bar && share >= 1) {
      ClearBar();
    } else if (bar && share > 0 && now - begin > kQuickSeconds && now - drawn > kStep) {
      ShowBar("reading", 100 * share, 100, "%");
      drawn = now;
    }
    return !Interrupted();
  });
}

Result<PartKind> KindOfMedia(const MediaSource& source) {
  // A picture and a recording tell by their first bytes.
  if (const auto type = source.Type(); type && type->kind != MediaKind::kFilm)
    return type->kind == MediaKind::kPicture ? PartKind::kImage : PartKind::kAudio;
  CARAT_ASSIGN(const MediaInfo info, AppDecoder().Describe(source));
  return info.has_picture ? PartKind::kVideo : PartKind::kAudio;
}

}  // namespace carat
