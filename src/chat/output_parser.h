// The model's tokens to what they mean: answer text, thinking, tool calls (specification 8.3).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "chat/tool_call_syntax.h"
#include "engine/speculative/policy.h"
#include "io/json.h"
#include "tokenizer/stream_decoder.h"
#include "tokenizer/tokenizer.h"

namespace carat {

struct OutputEvent {
  enum class Kind : uint8_t {
    kText,           // `text`: the next piece of the answer, never empty
    kThinking,       // `text`: the next piece of a thought, never empty
    kToolCall,       // `name` and `arguments`: one whole call
    kMalformedCall,  // `text`: all of a call that could not be read; `problem`: why, for people
  };
  Kind kind = Kind::kText;
  std::string text;     // well-formed UTF-8
  std::string name;     // kToolCall
  Json arguments;       // kToolCall: an object
  std::string problem;  // kMalformedCall
};

// Reads one answer, token by token. Structure is recognised by token ids only: text that merely
// looks like a control token stays text. Pieces never split a code point; bytes that are no UTF-8
// become U+FFFD. How a text is cut into tokens changes where the pieces are cut, never what they
// join up to.
//
//   <|channel>NAME\n thought \n<channel|>   the name line and one newline at the end are no part of
//   the
//                                           thought; a thought that is empty without them gives
//                                           nothing
//   <|tool_call>…<tool_call|>               see tool_call_syntax.h
//   <eos>, <turn|>, <|tool_response>        end what is open; give no text
//   other special tokens                    ignored outside a tool call, inside it part of its text
//
// A thought that a tool call, a new channel or the end of the answer cuts short counts as ended. A
// tool call that anything but <tool_call|> ends is malformed. Nothing but special tokens, name
// lines and that one newline is ever lost. One owner thread.
class OutputParser {
 public:
  // Borrows the tokenizer. `starts_in_thought`: the prompt has opened a thought already
  // (RenderedPrompt::opens_thought).
  OutputParser(const Tokenizer& tokenizer, bool starts_in_thought);

  // Appends the events that this token completes, often none. Precondition: 0 <= id < size().
  void Push(TokenId id, std::vector<OutputEvent>& out);

  // The end of the answer: gives out what was held back. Afterwards the parser is at the beginning
  // of an answer without a thought.
  void Finish(std::vector<OutputEvent>& out);

  // The next ordinary token will belong to a thought (or to its name line).
  bool in_thought() const { return state_ == State::kChannelName || state_ == State::kThought; }
  // It will be a part of the thought itself.
  bool in_thought_text() const { return state_ == State::kThought; }
  // What the next ordinary token will belong to, as drafting asks.
  TextKind text_kind() const {
    if (state_ == State::kToolCall) return TextKind::kToolCall;
    return in_thought() ? TextKind::kThinking : TextKind::kAnswer;
  }

 private:
  enum class State : uint8_t { kText, kChannelName, kThought, kToolCall };

  bool EndsWhatIsOpen(TokenId id) const;
  void PushSpecial(TokenId id, std::vector<OutputEvent>& out);
  void PushInCall(TokenId id, std::vector<OutputEvent>& out);
  void PushBytes(std::string_view bytes, std::vector<OutputEvent>& out);
  std::string_view ReadChannelName(std::string_view bytes, std::vector<OutputEvent>& out);
  void EmitPiece(std::string piece, std::vector<OutputEvent>& out);
  void FlushIncomplete(std::vector<OutputEvent>& out);
  void CloseOpen(std::vector<OutputEvent>& out);
  void EmitCall(std::vector<OutputEvent>& out);
  void EmitMalformed(std::string problem, std::vector<OutputEvent>& out);

  const Tokenizer& tokenizer_;  // borrows
  State state_;
  StreamDecoder decoder_;      // holds back the beginning of a code point
  std::string channel_name_;   // kChannelName: the line so far
  bool held_newline_ = false;  // kThought: a newline that may be the last
  ToolCallText call_;          // kToolCall
};

// A whole answer as the message that goes into the history, in OpenAI's form: {"role": "assistant",
// "content", "reasoning"?, "tool_calls"?}. Content is all text joined; a malformed call joins it,
// so that the model sees what it wrote. Calls get the ids "call_0", "call_1", …, unique in this
// message.
Json AssistantMessage(std::span<const OutputEvent> events);

}  // namespace carat
