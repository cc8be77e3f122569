// Input: a byte that says whether the answer begins in a thought, then text in which the control
// tokens' texts and multi-character pieces become tokens. The same answer given in byte tokens must
// give the same events, and plain text must come through whole.
//
// DEPS: chat
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/utf8.h"
#include "chat/output_parser.h"
#include "tests/support/small_tokenizer.h"

namespace {

// The events with neighbouring pieces joined, one after the other.
std::string Parse(const carat::Tokenizer& tokenizer, const std::vector<carat::TokenId>& ids,
                  bool in_thought) {
  carat::OutputParser parser(tokenizer, in_thought);
  std::vector<carat::OutputEvent> events;
  for (const carat::TokenId id : ids) parser.Push(id, events);
  parser.Finish(events);
  std::string shown;
  int last = -1;
  for (const carat::OutputEvent& event : events) {
    CARAT_CHECK(carat::IsValidUtf8(event.text) && carat::IsValidUtf8(event.name));
    const int kind = static_cast<int>(event.kind);
    if (kind > 1 || kind != last) shown += '\x1F' + std::to_string(kind) + ':';
    last = kind;
    shown += event.text + event.name + event.arguments.Dump(1);
    if (kind < 2) shown.resize(shown.size() - std::string_view("null").size());
  }
  return shown;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const carat::Tokenizer tokenizer = carat::SmallTokenizer();
  static const carat::LongestTokens cutter(tokenizer);
  if (size == 0) return 0;
  const bool in_thought = (data[0] & 1) != 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::vector<carat::TokenId> pieces, bytes, plain;
  for (size_t at = 0; at < text.size();) {
    const carat::TokenId id = cutter.First(text.substr(at));
    pieces.push_back(id);
    const std::string_view stands_for = tokenizer.TokenBytes(id);
    if (tokenizer.IsSpecial(id)) {
      bytes.push_back(id);
    } else {
      for (const char c : stands_for) bytes.push_back(carat::ByteToken(c));
      plain.push_back(id);
    }
    at += stands_for.size();
  }
  CARAT_CHECK(Parse(tokenizer, pieces, in_thought) == Parse(tokenizer, bytes, in_thought));
  const std::string whole = tokenizer.Decode(plain);
  CARAT_CHECK(whole.empty() || Parse(tokenizer, plain, false) ==
                                   "\x1F"
                                   "0:" +
                                       whole);
  return 0;
}
