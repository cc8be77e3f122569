#include "apps/media_options.h"

#include <algorithm>
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

const CLI::IsMember& IsBudget() {
  static const CLI::IsMember check{std::vector<size_t>(kBudgets.begin(), kBudgets.end())};
  return check;
}

bool Given(const CLI::App& command, const char* name) {
  const CLI::Option* option = command.get_option_no_throw(name);
  return option != nullptr && !option->empty();
}

// What stands behind these options acts on media of one kind.
Status CheckHasMedia(const CLI::App& command) {
  for (const auto& [option, needed] : {std::pair("--budget", "--image"),
                                       {"--frames", "--video"},
                                       {"--fps", "--video"},
                                       {"--video-sound", "--video"}}) {
    if (!Given(command, option) || Given(command, needed)) continue;
    return Fail(
        {.what = "an option without anything to act on", .where = option, .wanted = needed});
  }
  return {};
}

std::filesystem::path DecoderProgram() {
  const std::filesystem::path here = ExecutableFolder();
  if (here.empty()) return {};  // never one of the current directory
  std::error_code ignored;
  const std::filesystem::path beside = here / "carat-decode";
  if (std::filesystem::exists(beside, ignored)) return beside;
  return (here / "../libexec/carat/carat-decode").lexically_normal();
}

}  // namespace

CLI::Option* AddBudget(CLI::App& command, size_t& budget) {
  return command
      .add_option("--budget", budget,
                  "soft tokens of a picture: 70, 140, 280, 560 or 1120; chosen from the picture if "
                  "not given")
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
      .add_option_function<size_t>(
          "--budget", [](size_t) {}, "soft tokens of a picture: 70, 140, 280, 560 or 1120")
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

Result<std::vector<MediaRequest>> GivenMedia(const CLI::App& command) {
  CARAT_TRY(CheckHasMedia(command));
  const bool sound = Given(command, "--video-sound");
  std::vector<MediaRequest> requests;
  std::map<std::string, size_t> taken;  // values of each option
  for (const CLI::Option* option : command.parse_order()) {
    const std::string name = option->get_name();
    MediaRequest request;
    if (name == "--image") {
      if (Given(command, "--budget")) request.budget = command.get_option("--budget")->as<size_t>();
    } else if (name == "--audio") {
      request.kind = PartKind::kAudio;
    } else if (name == "--video") {
      request.kind = PartKind::kVideo;
      if (Given(command, "--frames"))
        request.frames = command.get_option("--frames")->as<int64_t>();
      if (Given(command, "--fps")) request.fps = command.get_option("--fps")->as<double>();
    } else {
      continue;
    }
    request.path = option->results().at(taken[name]++);
    requests.push_back(request);
    if (request.kind == PartKind::kVideo && sound)
      requests.push_back({.kind = PartKind::kAudio, .path = request.path});
  }
  return requests;
}

MediaDecoder AppDecoder() {
  // A bar for what takes longer than this.
  constexpr double kQuickSeconds = 1;
  return MediaDecoder(DecoderProgram(), [begin = 0.0, last = 0.0](double share) mutable {
    const double now = Now();
    if (now - last > kQuickSeconds) begin = now;  // another file
    last = now;
    if (share > 0 && now - begin > kQuickSeconds) ShowBar("reading", 100 * share, 100, "%");
    return !Interrupted();
  });
}

}  // namespace carat
