#include "apps/serve_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "io/file.h"

namespace carat {
namespace {

constexpr size_t kMaxConfigBytes = 1 << 20;

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

Result<std::string> ValueOf(std::string_view text, const std::string& place) {
  if (!text.starts_with('"')) return std::string(text);
  if (text.size() < 2 || !text.ends_with('"')) {
    return Fail({.what = "a quote without its end",
                 .where = place,
                 .wanted = "\"VALUE\"",
                 .found = std::string(text)});
  }
  return std::string(text.substr(1, text.size() - 2));
}

Result<std::string> ArgumentOf(std::string_view line, const std::string& place,
                               const CLI::App& command) {
  const size_t equals = line.find('=');
  if (equals == std::string_view::npos) {
    return Fail({.what = "not an option",
                 .where = place,
                 .wanted = "NAME = VALUE",
                 .found = std::string(line)});
  }
  std::string name = "--" + std::string(Trim(line.substr(0, equals)));
  const CLI::Option* option = command.get_option_no_throw(name);
  if (option == nullptr || name == "--config" || name == "--help") {
    return Fail({.what = "no such option",
                 .where = place,
                 .wanted = "one of carat serve --help, without the dashes",
                 .found = name.substr(2)});
  }
  CARAT_ASSIGN(std::string value, ValueOf(Trim(line.substr(equals + 1)), place));
  if (option->get_items_expected_max() > 0) return name + "=" + value;
  if (value == "true") return name;
  if (value == "false") return std::string();
  return Fail(
      {.what = "a switch", .where = place, .wanted = "true or false", .found = std::move(value)});
}

}  // namespace

Result<std::vector<std::string>> ConfigArguments(std::string_view text, const std::string& where,
                                                 const CLI::App& command) {
  std::vector<std::string> arguments;
  std::set<std::string, std::less<>> names;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    const std::string_view name = Trim(line.substr(0, line.find('=')));
    if (!names.emplace(name).second && name != "allow-host") {
      return Fail({.what = "this option stands twice",
                   .where = fmt::format("{}, line {}", where, number),
                   .found = std::string(name)});
    }
    CARAT_ASSIGN(std::string argument,
                 ArgumentOf(line, fmt::format("{}, line {}", where, number), command));
    if (!argument.empty()) arguments.push_back(std::move(argument));
  }
  return arguments;
}

Result<std::vector<std::string>> WithConfig(std::vector<std::string> arguments,
                                            const CLI::App& command,
                                            const std::filesystem::path& usual) {
  const auto at = std::ranges::find_if(
      arguments, [](const std::string& argument) { return !argument.starts_with('-'); });
  if (at == arguments.end() || *at != command.get_name()) return arguments;
  std::filesystem::path path;
  for (auto argument = at + 1; argument != arguments.end(); ++argument) {
    if (argument->starts_with("--config=")) path = argument->substr(9);
    if (*argument == "--config" && argument + 1 != arguments.end()) path = *(argument + 1);
  }
  std::error_code ignored;
  if (path.empty() && !std::filesystem::exists(usual, ignored)) return arguments;
  if (path.empty()) path = usual;
  CARAT_ASSIGN(const std::string text, ReadFile(path, kMaxConfigBytes));
  CARAT_ASSIGN(const auto more, ConfigArguments(text, path.string(), command));
  arguments.insert(at + 1, more.begin(), more.end());
  return arguments;
}

}  // namespace carat
