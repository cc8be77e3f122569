#include "apps/thumbnail.h"

#include <fmt/format.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "apps/output.h"
#include "base/base64.h"

namespace carat {
namespace {

// Pixels; about eight lines of text.
constexpr size_t kMaxSide = 160;
constexpr int kAnswerMs = 150;

// Terminals that speak kitty's protocol, by what they set in the environment.
bool IsKitty() {
  const auto value = [](const char* name) {
    const char* text = std::getenv(name);
    return std::string_view(text != nullptr ? text : "");
  };
  if (!value("TMUX").empty()) return false;  // it lets nothing of this through
  return !value("KITTY_WINDOW_ID").empty() || value("TERM") == "xterm-kitty" ||
         value("TERM") == "xterm-ghostty" || value("TERM_PROGRAM") == "WezTerm" ||
         value("TERM_PROGRAM") == "ghostty";
}

Pixels Reduced(const Pixels& pixels) {
  const size_t side = std::max(pixels.height, pixels.width);
  if (side <= kMaxSide) return pixels;
  const auto scaled = [&](size_t length) { return std::max<size_t>(1, length * kMaxSide / side); };
  return Resize(pixels, {scaled(pixels.height), scaled(pixels.width)});
}

// The kitty graphics protocol: raw pixels as base64, in pieces.
std::string Kitty(const Pixels& pixels) {
  constexpr size_t kPiece = 4096;
  const std::string data = EncodeBase64(pixels.rgb);
  std::string out;
  for (size_t at = 0; at < data.size(); at += kPiece) {
    const bool last = at + kPiece >= data.size();
    out += "\x1b_G";
    if (at == 0) out += fmt::format("a=T,q=2,f=24,s={},v={},", pixels.width, pixels.height);
    out += fmt::format("m={};", last ? 0 : 1) + data.substr(at, kPiece) + "\x1b\\";
  }
  return out + "\n";
}

// Sixel (DEC STD 070): bands of six lines, each colour of a band in turn. 6 x 6 x 6 colours.
std::string Sixel(const Pixels& pixels) {
  constexpr size_t kLevels = 6, kColours = kLevels * kLevels * kLevels, kBand = 6;
  const auto colour_at = [&](size_t y, size_t x) {
    const uint8_t* p = &pixels.rgb[3 * (y * pixels.width + x)];
    size_t colour = 0;
    for (size_t c = 0; c < 3; ++c) colour = colour * kLevels + (p[c] * (kLevels - 1) + 127) / 255;
    return colour;
  };
  std::string out = fmt::format("\x1bPq\"1;1;{};{}", pixels.width, pixels.height);
  for (size_t i = 0; i < kColours; ++i) {
    const auto percent = [](size_t level) { return level * 100 / (kLevels - 1); };
    out += fmt::format("#{};2;{};{};{}", i, percent(i / 36), percent(i / 6 % 6), percent(i % 6));
  }
  for (size_t top = 0; top < pixels.height; top += kBand) {
    std::array<std::string, kColours> lines;
    for (size_t x = 0; x < pixels.width; ++x) {
      for (size_t y = top; y < std::min(top + kBand, pixels.height); ++y) {
        std::string& line = lines[colour_at(y, x)];
        line.resize(std::max(line.size(), x), '?');
        if (line.size() == x) line += '?';
        line[x] = static_cast<char>('?' + ((line[x] - '?') | 1 << (y - top)));
      }
    }
    for (size_t i = 0; i < kColours; ++i)
      if (!lines[i].empty()) out += fmt::format("#{}{}$", i, lines[i]);
    out += '-';
  }
  return out + "\x1b\\\n";
}

}  // namespace

bool HasSixel(std::string_view answer) {
  const size_t begin = answer.find("\x1b[?");
  if (begin == std::string_view::npos) return false;
  std::string_view attributes = answer.substr(begin + 3);
  attributes = attributes.substr(0, attributes.find('c'));
  while (!attributes.empty()) {
    const size_t end = std::min(attributes.find(';'), attributes.size());
    if (attributes.substr(0, end) == "4") return true;
    attributes.remove_prefix(std::min(end + 1, attributes.size()));
  }
  return false;
}

Graphics TerminalGraphics() {
  termios before{};
  if (::isatty(STDERR_FILENO) == 0 || ::tcgetattr(STDIN_FILENO, &before) != 0)
    return Graphics::kNone;
  if (IsKitty()) return Graphics::kKitty;
  const char* name = std::getenv("TERM");
  if (name == nullptr || std::string_view(name) == "dumb" || std::string_view(name) == "linux")
    return Graphics::kNone;
  termios raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  if (::tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0) return Graphics::kNone;
  WriteErr("\x1b[c");
  std::string answer;
  pollfd wait{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  while (!answer.ends_with("c") && ::poll(&wait, 1, kAnswerMs) > 0) {
    char bytes[64];
    const ssize_t n = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (n <= 0) break;
    answer.append(bytes, static_cast<size_t>(n));
  }
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
  return HasSixel(answer) ? Graphics::kSixel : Graphics::kNone;
}

std::string Thumbnail(const Pixels& pixels, Graphics graphics) {
  if (graphics == Graphics::kNone || pixels.rgb.empty()) return "";
  return graphics == Graphics::kKitty ? Kitty(Reduced(pixels)) : Sixel(Reduced(pixels));
}

}  // namespace carat
