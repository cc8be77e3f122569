#include "base/utf8.h"

#include <algorithm>

namespace carat {
namespace {

unsigned Byte(std::string_view text, size_t i) { return static_cast<unsigned char>(text[i]); }

// Length of the sequence that `lead` opens and the allowed range of its second byte (table 3-7).
struct Lead {
  size_t size;
  unsigned low;
  unsigned high;
};

Lead LeadOf(unsigned lead) {
  if (lead < 0x80) return {1, 0, 0};
  if (lead < 0xC2) return {0, 0, 0};
  if (lead < 0xE0) return {2, 0x80, 0xBF};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead < 0xF0) return {3, 0x80, 0xBF};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead < 0xF4) return {4, 0x80, 0xBF};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

// Number of bytes from `at` that form a valid beginning of a sequence, at most the whole sequence.
size_t ValidPrefix(std::string_view text, size_t at, const Lead& lead) {
  size_t n = 1;
  while (n < lead.size && at + n < text.size()) {
    const unsigned c = Byte(text, at + n);
    const bool ok = n == 1 ? c >= lead.low && c <= lead.high : (c & 0xC0) == 0x80;
    if (!ok) break;
    ++n;
  }
  return n;
}

}  // namespace

Utf8Step DecodeUtf8(std::string_view text, size_t at) {
  const Lead lead = LeadOf(Byte(text, at));
  if (lead.size == 1) return {static_cast<char32_t>(Byte(text, at)), 1, true};
  if (lead.size == 0) return {kReplacement, 1, false};
  const size_t n = ValidPrefix(text, at, lead);
  if (n < lead.size) return {kReplacement, n, false};
  char32_t code = Byte(text, at) & (0xFFu >> (lead.size + 1));
  for (size_t i = 1; i < lead.size; ++i) code = (code << 6) | (Byte(text, at + i) & 0x3F);
  return {code, lead.size, true};
}

void AppendUtf8(char32_t code, std::string& out) {
  if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) code = kReplacement;
  const auto put = [&](char32_t c) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(c)));
  };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

bool IsValidUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = DecodeUtf8(text, at);
    if (!step.valid) return false;
    at += step.size;
  }
  return true;
}

std::string SanitizeUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = DecodeUtf8(text, at);
    if (step.valid) {
      out.append(text, at, step.size);
    } else {
      AppendUtf8(kReplacement, out);
    }
    at += step.size;
  }
  return out;
}

std::string Quoted(std::string_view text, size_t most_bytes) {
  return '"' + SanitizeUtf8(text.substr(0, most_bytes)) + '"';
}

bool IsTerminalControl(char32_t code) {
  const bool control = code < 0x20 || (code >= 0x7F && code <= 0x9F);
  const bool direction = code == 0x061C || code == 0x200E || code == 0x200F ||
                         (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return control || direction;
}

size_t IncompleteUtf8Tail(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const size_t at = text.size() - back;
    const Lead lead = LeadOf(Byte(text, at));
    if (lead.size == 0) continue;  // a continuation byte, or one that opens nothing
    return lead.size > back && ValidPrefix(text, at, lead) == back ? back : 0;
  }
  return 0;
}

}  // namespace carat
