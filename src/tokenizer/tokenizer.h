// Text to token ids and back, for the Gemma 4 vocabulary (gemma4-12b specification, section 9).
//
//   Encode: cut out added tokens, replace U+0020 by U+2581 in the rest, then byte-pair encoding of
//   each stretch between added tokens as one word; what the vocabulary lacks becomes <0xNN> byte
//   tokens. Decode: U+2581 to space, <0xNN> to its byte.
//
// Immutable after construction; every method is const and thread-safe. No method fails on any text:
// ill-formed UTF-8 is read as U+FFFD.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace carat {

// A stretch [begin, end) of bytes of a text.
struct TextRange {
  size_t begin = 0;
  size_t end = 0;
  bool operator==(const TextRange&) const = default;
};

// The added tokens by which the model structures its stream (section 9.2). -1: not in this
// vocabulary.
struct SpecialIds {
  TokenId pad = -1, eos = -1, bos = -1, unk = -1, mask = -1;
  TokenId tool = -1, tool_end = -1;                      // <|tool> <tool|>
  TokenId tool_call = -1, tool_call_end = -1;            // <|tool_call> <tool_call|>
  TokenId tool_response = -1, tool_response_end = -1;    // <|tool_response> <tool_response|>
  TokenId quote = -1;                                    // <|"|>
  TokenId think = -1;                                    // <|think|>
  TokenId channel = -1, channel_end = -1;                // <|channel> <channel|>
  TokenId turn = -1, turn_end = -1;                      // <|turn> <turn|>
  TokenId image_begin = -1, image = -1, image_end = -1;  // <|image> <|image|> <image|>
  TokenId audio_begin = -1, audio = -1, audio_end = -1;  // <|audio> <|audio|> <audio|>
  TokenId video = -1;                                    // <|video|>
};

// What a model file says about its vocabulary; the parts are copied.
struct VocabularyParts {
  enum class Kind : uint8_t { kNormal, kSpecial, kUserDefined };  // how text in a prompt matches it
  struct Merge {
    std::string_view left, right;
  };
  std::vector<std::string_view> pieces;  // index = id
  std::vector<Kind> kinds;               // as long as pieces, or empty: all normal
  std::vector<Merge> merges;             // best first
};

class Tokenizer {
 public:
  // From the text of a Hugging Face tokenizer.json. Refused: anything but the form of section 9.1.
  static Result<Tokenizer> FromJson(std::string_view tokenizer_json);
  // From the arrays of a GGUF file. The texts of section 9.2 are special whatever their kind.
  static Result<Tokenizer> FromParts(const VocabularyParts& parts);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Ids of a text. Special tokens are recognised only outside the `literal` ranges (sorted,
  // disjoint): what users wrote goes in there and can never become a control token. Adds no <bos>.
  std::vector<TokenId> Encode(std::string_view text, std::span<const TextRange> literal) const;
  // A prompt whose every part may hold control tokens (--prompt).
  std::vector<TokenId> EncodeControl(std::string_view text) const { return Encode(text, {}); }
  // Plain text: the whole of it is literal.
  std::vector<TokenId> EncodeText(std::string_view text) const;

  size_t size() const;
  size_t MemoryBytes() const;  // about
  // The vocabulary's own spelling ("▁world", "<0x0A>"). Precondition: 0 <= id < size().
  std::string_view Piece(TokenId id) const;
  // The bytes that a token stands for in output (" world", "\n"); special tokens give their text.
  std::string_view TokenBytes(TokenId id) const;
  bool IsSpecial(TokenId id) const;
  std::optional<TokenId> Find(std::string_view piece) const;
  const SpecialIds& special() const;

  // The text of a whole sequence; ill-formed bytes become U+FFFD.
  std::string Decode(std::span<const TokenId> ids) const;

 private:
  struct Data;
  explicit Tokenizer(std::unique_ptr<Data> data);
  static Result<Tokenizer> Build(const VocabularyParts& parts);
  std::unique_ptr<Data> data_;
};

// The merges of a tokenizer.json that FromJson takes, as GGUF spells them: "left right".
Result<std::vector<std::string>> MergesOfJson(std::string_view tokenizer_json);

}  // namespace carat
