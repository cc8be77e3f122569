#include "chat/output_parser.h"

#include <utility>

#include "base/check.h"
#include "base/utf8.h"

namespace carat {
namespace {

// The name line of the only channel that the chat template writes.
constexpr std::string_view kThoughtName = "thought";

// A longer or stranger first line is no name but the model's thought itself.
constexpr size_t kMaxChannelName = 32;
bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

OutputParser::OutputParser(const Tokenizer& tokenizer, bool starts_in_thought)
    : tokenizer_(tokenizer), state_(starts_in_thought ? State::kThought : State::kText) {}

void OutputParser::Push(TokenId id, std::vector<OutputEvent>& out) {
  CARAT_DCHECK(id >= 0 && static_cast<size_t>(id) < tokenizer_.size());
  if (state_ == State::kToolCall) {
    PushInCall(id, out);
  } else if (tokenizer_.IsSpecial(id)) {
    PushSpecial(id, out);
  } else {
    PushBytes(tokenizer_.TokenBytes(id), out);
  }
}

void OutputParser::Finish(std::vector<OutputEvent>& out) {
  CloseOpen(out);
  state_ = State::kText;
}

bool OutputParser::EndsWhatIsOpen(TokenId id) const {
  const SpecialIds& special = tokenizer_.special();
  return id == special.eos || id == special.turn_end || id == special.tool_response ||
         id == special.tool_call || id == special.channel;
}

void OutputParser::PushSpecial(TokenId id, std::vector<OutputEvent>& out) {
  const SpecialIds& special = tokenizer_.special();
  FlushIncomplete(out);
  if (!EndsWhatIsOpen(id) && id != special.channel_end) return;
  CloseOpen(out);
  state_ = id == special.tool_call ? State::kToolCall
           : id == special.channel ? State::kChannelName
                                   : State::kText;
}

void OutputParser::PushInCall(TokenId id, std::vector<OutputEvent>& out) {
  const SpecialIds& special = tokenizer_.special();
  if (id == special.tool_call_end) {
    EmitCall(out);
    state_ = State::kText;
  } else if (EndsWhatIsOpen(id)) {
    PushSpecial(id, out);
  } else {
    if (id == special.quote) call_.quotes.push_back(call_.text.size());
    call_.text += tokenizer_.TokenBytes(id);
  }
}

void OutputParser::PushBytes(std::string_view bytes, std::vector<OutputEvent>& out) {
  if (state_ == State::kChannelName) bytes = ReadChannelName(bytes, out);
  EmitPiece(decoder_.Push(bytes), out);
}

// Takes the bytes of the name line and returns the rest, which is the thought's.
std::string_view OutputParser::ReadChannelName(std::string_view bytes,
                                               std::vector<OutputEvent>& out) {
  while (!bytes.empty()) {
    const char c = bytes.front();
    if (c == '\n') {
      channel_name_.clear();
      state_ = State::kThought;
      return bytes.substr(1);
    }
    if (!IsNameByte(c) || channel_name_.size() == kMaxChannelName) {
      state_ = State::kThought;
      EmitPiece(std::exchange(channel_name_, {}), out);
      return bytes;
    }
    channel_name_ += c;
    bytes.remove_prefix(1);
  }
  return bytes;
}

// Gives out well-formed text; in a thought it holds back the last newline.
void OutputParser::EmitPiece(std::string piece, std::vector<OutputEvent>& out) {
  if (piece.empty()) return;
  OutputEvent event;
  if (state_ == State::kThought) {
    event.kind = OutputEvent::Kind::kThinking;
    if (held_newline_) piece.insert(piece.begin(), '\n');
    held_newline_ = piece.back() == '\n';
    if (held_newline_) piece.pop_back();
    if (piece.empty()) return;
  }
  event.text = std::move(piece);
  out.push_back(std::move(event));
}

// A code point that no further byte can complete.
void OutputParser::FlushIncomplete(std::vector<OutputEvent>& out) {
  EmitPiece(decoder_.Finish(), out);
}

// Gives out or drops what the open state holds back. The caller sets the next state.
void OutputParser::CloseOpen(std::vector<OutputEvent>& out) {
  FlushIncomplete(out);
  if (state_ == State::kToolCall) EmitMalformed("the call was not finished", out);
  if (state_ == State::kChannelName) {
    state_ = State::kThought;
    const std::string name = std::exchange(channel_name_, {});
    if (!kThoughtName.starts_with(name)) EmitPiece(name, out);
  }
  held_newline_ = false;
}

void OutputParser::EmitCall(std::vector<OutputEvent>& out) {
  Result<ToolCall> call = ParseToolCall(call_);
  if (!call.has_value()) {
    EmitMalformed(call.error().Message(), out);
    return;
  }
  call_ = {};
  out.push_back({.kind = OutputEvent::Kind::kToolCall,
                 .text = {},
                 .name = std::move(call->name),
                 .arguments = std::move(call->arguments),
                 .problem = {}});
}

void OutputParser::EmitMalformed(std::string problem, std::vector<OutputEvent>& out) {
  const std::string text = std::exchange(call_, {}).text;
  out.push_back({.kind = OutputEvent::Kind::kMalformedCall,
                 .text = SanitizeUtf8(text),
                 .name = {},
                 .arguments = {},
                 .problem = std::move(problem)});
}

Json AssistantMessage(std::span<const OutputEvent> events) {
  std::string content;
  std::string reasoning;
  Json::Array calls;
  for (const OutputEvent& event : events) {
    switch (event.kind) {
      case OutputEvent::Kind::kText:
      case OutputEvent::Kind::kMalformedCall:
        content += event.text;
        break;
      case OutputEvent::Kind::kThinking:
        reasoning += event.text;
        break;
      case OutputEvent::Kind::kToolCall: {
        Json::Object function{{"name", event.name}, {"arguments", event.arguments}};
        calls.emplace_back(Json::Object{{"id", "call_" + std::to_string(calls.size())},
                                        {"type", "function"},
                                        {"function", std::move(function)}});
        break;
      }
    }
  }
  Json::Object message{{"role", "assistant"}, {"content", std::move(content)}};
  if (!reasoning.empty()) message.emplace_back("reasoning", std::move(reasoning));
  if (!calls.empty()) message.emplace_back("tool_calls", std::move(calls));
  return message;
}

}  // namespace carat
