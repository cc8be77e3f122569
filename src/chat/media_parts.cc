#include "chat/media_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"
#include "chat/prompt.h"

namespace carat {
namespace {

struct Placeholder {
  PartKind kind;
  std::string_view text, name;
};
constexpr std::array<Placeholder, 3> kPlaceholders = {{{PartKind::kImage, "<|image|>", "picture"},
                                                       {PartKind::kAudio, "<|audio|>", "sound"},
                                                       {PartKind::kVideo, "<|video|>", "video"}}};

std::string_view NameOf(PartKind kind) { return kPlaceholders[static_cast<size_t>(kind)].name; }

std::string Repeated(std::string_view text, size_t count) {
  std::string out;
  out.reserve(text.size() * count);
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

// The text that a part becomes: its media between their marks, several with their times before
// them. That is the form for frames; long recordings take it too.
std::string Expanded(const MediaPart& part) {
  CARAT_CHECK(part.seconds.size() == part.media.size() ||
              (part.seconds.empty() && part.media.size() == 1));
  const std::string_view soft = kPlaceholders[static_cast<size_t>(part.kind)].text;
  const bool sound = part.kind == PartKind::kAudio;
  std::string out;
  for (size_t i = 0; i < part.media.size(); ++i) {
    if (!part.seconds.empty()) out += (i > 0 ? " " : "") + TimeStamp(part.seconds[i]) + " ";
    out += (sound ? "<|audio>" : "<|image>") + Repeated(soft, part.media[i]->num_tokens()) +
           (sound ? "<audio|>" : "<image|>");
  }
  return out;
}

// The first placeholder at or after `from` that the template wrote.
struct Found {
  size_t at = 0;
  const Placeholder* placeholder = nullptr;
};
std::optional<Found> NextPlaceholder(const RenderedPrompt& rendered, size_t from) {
  for (size_t at = rendered.text.find("<|", from); at != std::string::npos;
       at = rendered.text.find("<|", at + 1)) {
    const auto after = std::ranges::upper_bound(rendered.literal, at, {}, &TextRange::begin);
    if (after != rendered.literal.begin() && at < std::prev(after)->end) continue;
    for (const Placeholder& p : kPlaceholders) {
      if (std::string_view(rendered.text).substr(at).starts_with(p.text)) return Found{at, &p};
    }
  }
  return std::nullopt;
}

Result<RenderedPrompt> Expand(const RenderedPrompt& rendered, std::span<const MediaPart> parts) {
  RenderedPrompt out = rendered;
  out.text.clear();
  size_t copied = 0, number = 0;
  const auto shift_from = [&](size_t from, size_t by) {
    for (TextRange& range : out.literal) {
      if (range.begin >= from) range = {range.begin + by, range.end + by};
    }
    for (size_t& boundary : out.boundaries) {
      if (boundary >= from) boundary += by;
    }
  };
  while (const auto found = NextPlaceholder(rendered, copied)) {
    const std::string where = fmt::format("placeholder {} of the prompt", number + 1);
    if (number == parts.size()) {
      return Fail({.what = "a placeholder without its medium",
                   .where = where,
                   .wanted = std::string(found->placeholder->name),
                   .found = fmt::format("{} media", parts.size())});
    }
    const MediaPart& part = parts[number];
    if (part.kind != found->placeholder->kind) {
      return Fail({.what = "a placeholder of another kind than its medium",
                   .where = where,
                   .wanted = std::string(found->placeholder->name),
                   .found = std::string(NameOf(part.kind))});
    }
    out.text.append(rendered.text, copied, found->at - copied);
    const std::string expanded = Expanded(part);
    const size_t placeholder_end = found->at + found->placeholder->text.size();
    shift_from(out.text.size() + found->placeholder->text.size(),
               expanded.size() - found->placeholder->text.size());
    out.text += expanded;
    copied = placeholder_end;
    ++number;
  }
  if (number < parts.size()) {
    return Fail({.what = "a medium without its placeholder",
                 .where = fmt::format("medium {}", number + 1),
                 .wanted = fmt::format("{} media", number),
                 .found = fmt::format("{}, the first one too many a {} {}", parts.size(),
                                      NameOf(parts[number].kind), parts[number].name)});
  }
  out.text.append(rendered.text, copied);
  return out;
}

}  // namespace

size_t NumTokens(const MediaPart& part) {
  size_t tokens = 0;
  for (const auto& medium : part.media) tokens += medium->num_tokens();
  return tokens;
}

std::string TimeStamp(int64_t seconds) {
  return fmt::format("{:02}:{:02}", seconds / 60, seconds % 60);
}

Result<Prompt> ToPrompt(const Tokenizer& tokenizer, const RenderedPrompt& rendered,
                        std::span<const MediaPart> parts) {
  CARAT_ASSIGN(const RenderedPrompt expanded, Expand(rendered, parts));
  Prompt prompt = ToPrompt(tokenizer, expanded);
  auto at = prompt.ids.begin();
  for (const MediaPart& part : parts) {
    const auto soft = tokenizer.Find(kPlaceholders[static_cast<size_t>(part.kind)].text);
    if (!soft) {
      return Fail({.code = ErrorCode::kUnsupported,
                   .what = fmt::format("the tokenizer has no token for a {}", NameOf(part.kind))});
    }
    for (const auto& medium : part.media) {
      if (medium->num_tokens() == 0) continue;  // no sound at all
      at = std::find(at, prompt.ids.end(), *soft);
      const auto count = static_cast<std::ptrdiff_t>(medium->num_tokens());
      // A strange tokenizer may read several placeholders as one token.
      if (prompt.ids.end() - at < count ||
          !std::all_of(at, at + count, [&](TokenId id) { return id == *soft; })) {
        return Fail({.code = ErrorCode::kUnsupported,
                     .what = fmt::format("the tokenizer does not keep the tokens of a {} apart",
                                         NameOf(part.kind))});
      }
      prompt.media.push_back({static_cast<Pos>(at - prompt.ids.begin()), medium});
      at += count;
    }
  }
  return prompt;
}

}  // namespace carat
