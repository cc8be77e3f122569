#include "tokenizer/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "base/utf8.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"

namespace carat {
namespace {

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581
constexpr char32_t kSpaceMarkCode = 0x2581;

struct NamedSpecial {
  std::string_view text;
  TokenId SpecialIds::* field;
};

// The 24 added tokens of section 9.2.
constexpr NamedSpecial kSpecials[] = {
    {"<pad>", &SpecialIds::pad},
    {"<eos>", &SpecialIds::eos},
    {"<bos>", &SpecialIds::bos},
    {"<unk>", &SpecialIds::unk},
    {"<mask>", &SpecialIds::mask},
    {"<|tool>", &SpecialIds::tool},
    {"<tool|>", &SpecialIds::tool_end},
    {"<|tool_call>", &SpecialIds::tool_call},
    {"<tool_call|>", &SpecialIds::tool_call_end},
    {"<|tool_response>", &SpecialIds::tool_response},
    {"<tool_response|>", &SpecialIds::tool_response_end},
    {"<|\"|>", &SpecialIds::quote},
    {"<|think|>", &SpecialIds::think},
    {"<|channel>", &SpecialIds::channel},
    {"<channel|>", &SpecialIds::channel_end},
    {"<|turn>", &SpecialIds::turn},
    {"<turn|>", &SpecialIds::turn_end},
    {"<|image>", &SpecialIds::image_begin},
    {"<|image|>", &SpecialIds::image},
    {"<image|>", &SpecialIds::image_end},
    {"<|audio>", &SpecialIds::audio_begin},
    {"<|audio|>", &SpecialIds::audio},
    {"<audio|>", &SpecialIds::audio_end},
    {"<|video|>", &SpecialIds::video},
};

std::string ByteName(unsigned byte) { return fmt::format("<0x{:02X}>", byte); }

}  // namespace

// Everything is written once in Build and only read afterwards.
struct Tokenizer::Data {
  std::string arena;         // all pieces, one after the other
  std::vector<uint32_t> at;  // piece id = arena[at[id], at[id + 1])
  std::string byte_arena;    // the same for what tokens stand for
  std::vector<uint32_t> bytes_at;
  std::unordered_map<std::string_view, TokenId> ids;
  std::array<TokenId, 256> byte_tokens{};
  std::array<TokenId, 128> ascii{};  // one-character pieces, -1 if absent
  std::unordered_map<char32_t, TokenId> characters;
  AddedTokens added;
  std::vector<bool> special_flags;
  SpecialIds special;
  Bpe bpe{{}};

  std::string_view Piece(size_t id) const {
    return std::string_view(arena).substr(at[id], at[id + 1] - at[id]);
  }
  TokenId Character(char32_t code) const {
    if (code < 128) return ascii[code];
    const auto found = characters.find(code);
    return found == characters.end() ? -1 : found->second;
  }
  // The id of a piece, or -1.
  TokenId Find(std::string_view piece) const {
    const auto found = ids.find(piece);
    return found == ids.end() ? TokenId{-1} : found->second;
  }

  // The steps of Build, in this order.
  Status StorePieces(std::span<const std::string_view> pieces);
  Status StoreByteTokens();
  Result<std::vector<bool>> StoreAdded(std::span<const VocabularyParts::Kind> kinds);  // who is
  void StoreCharacters(const std::vector<bool>& is_added);
  void StoreMerges(std::span<const VocabularyParts::Merge> merges);

  void AddSymbols(std::string_view text, std::vector<Bpe::Symbol>& word) const;
  std::optional<AddedTokens::Match> MatchAdded(std::string_view text, size_t at,
                                               std::span<const TextRange> literal) const;
};

Tokenizer::Tokenizer(std::unique_ptr<Data> data) : data_(std::move(data)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

namespace {

// First and last code point of a piece; pieces are valid UTF-8 by then.
char32_t FirstCode(std::string_view piece) { return DecodeUtf8(piece, 0).code; }
char32_t LastCode(std::string_view piece) {
  size_t at = piece.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(piece[at]) & 0xC0) == 0x80) --at;
  return DecodeUtf8(piece, at).code;
}

std::string BytesOf(std::string_view piece, bool special, int byte) {
  if (byte >= 0) return std::string(1, static_cast<char>(static_cast<unsigned char>(byte)));
  std::string out(piece);
  if (special) return out;
  for (size_t found = out.find(kSpaceMark); found != std::string::npos;
       found = out.find(kSpaceMark, found + 1)) {
    out.replace(found, kSpaceMark.size(), " ");
  }
  return out;
}

}  // namespace

Status Tokenizer::Data::StorePieces(std::span<const std::string_view> pieces) {
  const size_t n = pieces.size();
  if (n == 0 || n > (1u << 22)) {
    return Fail({.what = "vocabulary size out of range",
                 .wanted = "1 to 4194304 tokens",
                 .found = std::to_string(n)});
  }
  size_t total = 0;
  for (const std::string_view piece : pieces) total += piece.size();
  if (total > (1u << 30)) return Fail({.what = "the vocabulary's texts are longer than 1 GiB"});
  arena.reserve(total);
  at.reserve(n + 1);
  at.push_back(0);
  for (size_t id = 0; id < n; ++id) {
    if (!IsValidUtf8(pieces[id])) {
      return Fail({.what = "a token's text is not UTF-8",
                   .where = fmt::format("token {}", id),
                   .found = Quoted(pieces[id], 40)});
    }
    arena += pieces[id];
    at.push_back(static_cast<uint32_t>(arena.size()));
  }
  ids.reserve(n);
  for (size_t id = 0; id < n; ++id) {
    const std::string_view piece = Piece(id);
    if (piece.empty()) continue;  // a hole in the numbering
    if (!ids.emplace(piece, static_cast<TokenId>(id)).second) {
      return Fail({.what = "two tokens have the same text",
                   .where = fmt::format("token {}", id),
                   .found = Quoted(piece, 40)});
    }
  }
  return {};
}

// Without all 256 some text could not be written down.
Status Tokenizer::Data::StoreByteTokens() {
  for (unsigned byte = 0; byte < 256; ++byte) {
    byte_tokens[byte] = Find(ByteName(byte));
    if (byte_tokens[byte] < 0) {
      return Fail({.code = ErrorCode::kNotFound,
                   .what = "the vocabulary lacks a byte token",
                   .wanted = ByteName(byte)});
    }
  }
  return {};
}

// The 24 texts, whatever the file types them as (gguf spec 4.1), and the file's own.
Result<std::vector<bool>> Tokenizer::Data::StoreAdded(
    std::span<const VocabularyParts::Kind> kinds) {
  const size_t n = at.size() - 1;
  special_flags.assign(n, false);
  std::vector<bool> is_added(n, false);
  for (const NamedSpecial& named : kSpecials) {
    const TokenId id = Find(named.text);
    special.*named.field = id;
    if (id < 0) continue;
    special_flags[static_cast<size_t>(id)] = true;
    is_added[static_cast<size_t>(id)] = true;
  }
  for (size_t id = 0; id < kinds.size(); ++id) {
    if (kinds[id] == VocabularyParts::Kind::kNormal) continue;
    is_added[id] = true;
    if (kinds[id] == VocabularyParts::Kind::kSpecial) special_flags[id] = true;
  }
  for (size_t id = 0; id < n; ++id) {
    const std::string_view piece = Piece(id);
    if (!is_added[id] || piece.empty()) continue;
    if (!added.Insert(piece, static_cast<TokenId>(id))) {
      return Fail({.what = "the added tokens are too long",
                   .where = fmt::format("token {}", id),
                   .wanted = fmt::format("at most {} bytes each and {} in all",
                                         AddedTokens::kMaxBytes, AddedTokens::kMaxNodes),
                   .found = fmt::format("{} bytes", piece.size())});
    }
  }
  return is_added;
}

// One-character pieces, and the bytes of every token.
void Tokenizer::Data::StoreCharacters(const std::vector<bool>& is_added) {
  std::unordered_map<TokenId, int> byte_of;
  for (int byte = 0; byte < 256; ++byte) byte_of[byte_tokens[static_cast<size_t>(byte)]] = byte;
  ascii.fill(-1);
  bytes_at.reserve(at.size());
  bytes_at.push_back(0);
  for (size_t id = 0; id + 1 < at.size(); ++id) {
    const std::string_view piece = Piece(id);
    const auto byte = byte_of.find(static_cast<TokenId>(id));
    byte_arena += BytesOf(piece, special_flags[id], byte == byte_of.end() ? -1 : byte->second);
    bytes_at.push_back(static_cast<uint32_t>(byte_arena.size()));
    if (piece.empty() || is_added[id]) continue;
    const Utf8Step step = DecodeUtf8(piece, 0);
    if (step.size != piece.size()) continue;
    if (step.code < 128) {
      ascii[step.code] = static_cast<TokenId>(id);
    } else {
      characters[step.code] = static_cast<TokenId>(id);
    }
  }
}

// A merge whose sides or result are not in the vocabulary is dropped (section 9.1), and so is one
// that would make a special token: plain text must never become one.
void Tokenizer::Data::StoreMerges(std::span<const VocabularyParts::Merge> merges) {
  std::vector<Bpe::Merge> kept;
  std::unordered_set<uint64_t> seen;  // a pair that stands twice keeps its first rank
  std::string joined;
  for (const VocabularyParts::Merge& merge : merges) {
    joined.assign(merge.left).append(merge.right);
    const TokenId left = Find(merge.left), right = Find(merge.right), result = Find(joined);
    if (left < 0 || right < 0 || result < 0 || special_flags[static_cast<size_t>(result)]) continue;
    const uint64_t pair =
        uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
    if (!seen.insert(pair).second) continue;
    kept.push_back({left, right, result, LastCode(merge.left), FirstCode(merge.right)});
  }
  bpe = Bpe(kept);
}

Result<Tokenizer> Tokenizer::Build(const VocabularyParts& parts) {
  auto data = std::make_unique<Data>();
  CARAT_TRY(data->StorePieces(parts.pieces));
  CARAT_TRY(data->StoreByteTokens());
  CARAT_ASSIGN(const std::vector<bool> is_added, data->StoreAdded(parts.kinds));
  data->StoreCharacters(is_added);
  data->StoreMerges(parts.merges);
  return Tokenizer(std::move(data));
}

Result<Tokenizer> Tokenizer::FromParts(const VocabularyParts& parts) {
  if (!parts.kinds.empty() && parts.kinds.size() != parts.pieces.size()) {
    return Fail({.what = "token types and tokens differ in number",
                 .wanted = std::to_string(parts.pieces.size()),
                 .found = std::to_string(parts.kinds.size())});
  }
  return Build(parts);
}

void Tokenizer::Data::AddSymbols(std::string_view text, std::vector<Bpe::Symbol>& word) const {
  for (size_t at_byte = 0; at_byte < text.size();) {
    const Utf8Step step = DecodeUtf8(text, at_byte);
    at_byte += step.size;
    const char32_t code = step.code == U' ' ? kSpaceMarkCode : step.code;
    const TokenId id = Character(code);
    if (id >= 0) {
      word.push_back({code, id, false});
      continue;
    }
    std::string bytes;
    AppendUtf8(code, bytes);
    for (const char c : bytes)
      word.push_back({code, byte_tokens[static_cast<unsigned char>(c)], true});
  }
}

// The longest added token at this place. A special one must not touch a literal range.
std::optional<AddedTokens::Match> Tokenizer::Data::MatchAdded(
    std::string_view text, size_t at_byte, std::span<const TextRange> literal) const {
  return added.Longest(text, at_byte, [&](const AddedTokens::Match& match) {
    if (!special_flags[static_cast<size_t>(match.id)]) return true;
    const auto next = std::ranges::upper_bound(literal, at_byte, {}, &TextRange::end);
    return next == literal.end() || next->begin >= at_byte + match.size;
  });
}

std::vector<TokenId> Tokenizer::Encode(std::string_view text,
                                       std::span<const TextRange> literal) const {
  std::vector<TokenId> ids;
  std::vector<Bpe::Symbol> word;
  size_t plain = 0;  // begin of the stretch not yet encoded
  const auto flush = [&](size_t end) {
    word.clear();
    data_->AddSymbols(text.substr(plain, end - plain), word);
    data_->bpe.Encode(word, ids);
  };
  for (size_t at = 0; at < text.size();) {
    const auto token = data_->MatchAdded(text, at, literal);
    if (!token) {
      ++at;
      continue;
    }
    flush(at);
    ids.push_back(token->id);
    at += token->size;
    plain = at;
  }
  flush(text.size());
  return ids;
}

std::vector<TokenId> Tokenizer::EncodeText(std::string_view text) const {
  const TextRange all{0, text.size()};
  return Encode(text, std::span(&all, 1));
}

size_t Tokenizer::size() const { return data_->at.size() - 1; }

size_t Tokenizer::MemoryBytes() const {
  // A node of a map is its value, the next node and a hash, in an allocation with its header.
  constexpr size_t kNode = sizeof(std::pair<std::string_view, TokenId>) + 3 * sizeof(void*);
  const Data& d = *data_;
  return d.arena.capacity() + d.byte_arena.capacity() +
         (d.at.capacity() + d.bytes_at.capacity()) * sizeof(uint32_t) +
         (d.ids.size() + d.characters.size()) * kNode +
         (d.ids.bucket_count() + d.characters.bucket_count()) * sizeof(void*) + d.bpe.bytes();
}

std::string_view Tokenizer::Piece(TokenId id) const {
  CARAT_CHECK(id >= 0 && static_cast<size_t>(id) < size());
  return data_->Piece(static_cast<size_t>(id));
}

std::string_view Tokenizer::TokenBytes(TokenId id) const {
  CARAT_CHECK(id >= 0 && static_cast<size_t>(id) < size());
  const size_t i = static_cast<size_t>(id);
  return std::string_view(data_->byte_arena)
      .substr(data_->bytes_at[i], data_->bytes_at[i + 1] - data_->bytes_at[i]);
}

bool Tokenizer::IsSpecial(TokenId id) const {
  return id >= 0 && static_cast<size_t>(id) < size() &&
         data_->special_flags[static_cast<size_t>(id)];
}

std::optional<TokenId> Tokenizer::Find(std::string_view piece) const {
  const auto found = data_->ids.find(piece);
  if (found == data_->ids.end()) return std::nullopt;
  return found->second;
}

const SpecialIds& Tokenizer::special() const { return data_->special; }

std::string Tokenizer::Decode(std::span<const TokenId> ids) const {
  std::string bytes;
  for (const TokenId id : ids) bytes += TokenBytes(id);
  return SanitizeUtf8(bytes);
}

}  // namespace carat
