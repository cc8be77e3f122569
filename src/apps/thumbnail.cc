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
constexpr int kAnswerMs = 1000;  // over a slow line too

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

std::string_view Attributes(std::string_view read) {
  constexpr std::string_view kBegin = "\x1b[?";
  const size_t begin = read.find(kBegin);
  if (begin == std::string_view::npos) return "";
  const size_t end = read.find_first_not_of("0123456789;", begin + kBegin.size());
  if (end == std::string_view::npos || read[end] != 'c') return "";
  return read.substr(begin, end + 1 - begin);
}

bool HasSixel(std::string_view attributes) {
  // Each number stands between marks that are none.
  for (size_t at = attributes.find('4'); at != std::string_view::npos;
       at = attributes.find('4', at + 1)) {
    const auto is_mark = [&](size_t i) {
      return i < attributes.size() &&
             std::string_view("?;c").find(attributes[i]) != std::string_view::npos;
    };
    if (at > 0 && is_mark(at - 1) && is_mark(at + 1)) return true;
  }
  return false;
}

Graphics NamedGraphics() {
  return ::isatty(STDERR_FILENO) != 0 && IsKitty() ? Graphics::kKitty : Graphics::kNone;
}

Graphics AskedGraphics(std::string& typed) {
  termios before{};
  const char* name = std::getenv("TERM");
  if (name == nullptr || std::string_view(name) == "dumb" || std::string_view(name) == "linux" ||
      ::isatty(STDERR_FILENO) == 0 || ::tcgetpgrp(STDIN_FILENO) != ::getpgrp() ||
      ::tcgetattr(STDIN_FILENO, &before) != 0)
    return Graphics::kNone;
  termios raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  if (::tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0) return Graphics::kNone;
  WriteErr("\x1b[c");
  pollfd wait{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  while (Attributes(typed).empty() && ::poll(&wait, 1, kAnswerMs) > 0) {
    char bytes[64];
    const ssize_t n = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (n <= 0) break;
    typed.append(bytes, static_cast<size_t>(n));
  }
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
  const std::string answer(Attributes(typed));
  if (!answer.empty()) typed.erase(typed.find(answer), answer.size());
  return HasSixel(answer) ? Graphics::kSixel : Graphics::kNone;
}

std::string Thumbnail(const Pixels& pixels, Graphics graphics) {
  if (graphics == Graphics::kNone || pixels.rgb.empty()) return "";
  return graphics == Graphics::kKitty ? Kitty(Reduced(pixels)) : Sixel(Reduced(pixels));
}

}  // namespace carat
