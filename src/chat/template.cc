#include "chat/template.h"

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "chat/prompt_text.h"
#include "chat/python_text.h"
#include "chat/python_values.h"
#include "chat/template_macros.h"
#include "chat/tool_declaration.h"

namespace carat {
namespace {

std::string Indexed(const std::string& path, size_t idx) {
  return path + "[" + std::to_string(idx) + "]";
}

// The template's `text + x`, which raises for anything but a string.
Result<std::string> WantString(const Json* value, const std::string& where) {
  if (!IsString(value)) return Fail(WrongKind(value, where, "a string"));
  return value->string();
}

// The placeholder of a media part, empty for parts of other types.
std::string_view MediaToken(const Json& part) {
  const Json* const type = part.Find("type");
  if (PythonIs(type, "image") || PythonIs(type, "image_url")) return "<|image|>";
  if (PythonIs(type, "audio") || PythonIs(type, "input_audio")) return "<|audio|>";
  if (PythonIs(type, "video")) return "<|video|>";
  return "";
}

// The object of a call's arguments; a null pointer where there are none. `parsed` owns it when the
// arguments were JSON text.
Result<const Json*> CallArguments(const Json* arguments, const std::string& where, Json& parsed) {
  if (!IsString(arguments)) {
    if (IsMapping(arguments)) return arguments;
    if (arguments != nullptr && arguments->is_null()) return nullptr;
    return Fail(WrongKind(arguments, where, "an object, or the JSON text of one"));
  }
  if (PythonStrip(arguments->string()).empty()) return nullptr;
  Result<Json> json = ParseJson(arguments->string());
  if (!json.has_value()) return Fail(Within(where, std::move(json).error()));
  parsed = *std::move(json);
  if (parsed.is_null()) return nullptr;
  if (!parsed.is_object()) return Fail(WrongKind(&parsed, where, "the JSON text of an object"));
  return &parsed;
}

// The template's namespaces are members here, its sections methods, in its order.
class Renderer {
 public:
  Renderer(std::span<const Json> messages, const Json* tools, const TemplateOptions& options)
      : messages_(messages), tools_(tools), options_(options) {}

  Result<RenderedPrompt> Render() {
    out_.Template("<bos>");
    CARAT_TRY(SystemBlock());
    for (size_t i = first_; i < messages_.size(); ++i) {
      if (PythonIs(messages_[i].Find("role"), "user")) last_user_ = i;
    }
    FindNextRoles();
    for (size_t i = first_; i < messages_.size(); ++i) {
      if (!IsTool(i)) CARAT_TRY(Message(i));
    }
    GenerationPrompt();
    prompt_.literal = out_.TakeLiteral();
    prompt_.text = out_.TakeText();
    return std::move(prompt_);
  }

 private:
  // ns.prev_message_type, as far as it matters.
  enum class Last { kOther, kToolCall, kToolResponse };

  // What the template's loop body knows of the message it is at.
  struct Current {
    size_t idx;
    const Json& message;
    std::string path;
    bool is_model;               // role == 'model'
    bool has_calls;              // message.get('tool_calls')
    bool has_responses = false;  // ns_tr_out.flag
    bool has_content = false;
  };

  bool IsTool(size_t i) const { return PythonIs(messages_[i].Find("role"), "tool"); }
  std::string PathOf(size_t i) const { return Indexed("messages", i); }

  bool BeginsWithSystem() const {
    if (messages_.empty()) return false;
    const Json* const role = messages_[0].Find("role");
    return PythonIs(role, "system") || PythonIs(role, "developer");
  }

  // For every message the next one that is not a tool's, or the number of messages: the template's
  // forward scan, done once.
  void FindNextRoles() {
    next_.assign(messages_.size(), messages_.size());
    for (size_t i = messages_.size(); i-- > 1;) next_[i - 1] = IsTool(i) ? next_[i] : i;
  }

  Status SystemBlock() {
    if (!options_.enable_thinking && !PythonTruthy(tools_) && !BeginsWithSystem()) return {};
    out_.Template("<|turn>system\n");
    if (options_.enable_thinking) out_.Template("<|think|>\n");
    if (BeginsWithSystem()) {
      CARAT_TRY(SystemContent(messages_[0].Find("content")));
      first_ = 1;
    }
    if (PythonTruthy(tools_)) {
      const auto declare = [&](const Json& tool, size_t i, bool) { return Tool(tool, i); };
      CARAT_TRY(ForEach(tools_, "tools", declare));
    }
    out_.Template("<turn|>\n");
    prompt_.boundaries.push_back(out_.size());
    return {};
  }

  Status Tool(const Json& tool, size_t i) {
    const std::string path = Indexed("tools", i);
    out_.Template("<|tool>");
    CARAT_TRY(FormatFunctionDeclaration(tool, path, out_));
    out_.Template("<tool|>");
    AppendSchemaWarnings(tool, path, prompt_.warnings);
    return {};
  }

  Status SystemContent(const Json* content) {
    if (IsString(content)) {
      out_.Literal(PythonStrip(content->string()));
      return {};
    }
    if (!IsSequence(content)) return {};
    return ForEach(content, PathOf(0) + ".content", [&](const Json& item, size_t, bool) -> Status {
      out_.Literal(PythonStrip(PythonStr(item.Find("text"))));
      out_.Template(" ");
      return {};
    });
  }

  Status Message(size_t i) {
    const Json& message = messages_[i];
    CARAT_ASSIGN(const std::string role, WantString(message.Find("role"), PathOf(i) + ".role"));
    const bool is_assistant = role == "assistant";
    Current at{.idx = i,
               .message = message,
               .path = PathOf(i),
               .is_model = is_assistant || role == "model",
               .has_calls = PythonTruthy(message.Find("tool_calls"))};
    last_ = Last::kOther;
    if (!at.is_model || !previous_is_assistant_) {
      out_.Template("<|turn>");
      if (is_assistant) out_.Template("model");
      if (!is_assistant) out_.Literal(role);
      out_.Template("\n");
    }
    CARAT_TRY(Reasoning(at));
    if (at.has_calls) CARAT_TRY(ToolCalls(at));
    CARAT_TRY(ToolResponses(at));
    CARAT_TRY(Content(at));
    EndOfMessage(at);
    previous_is_assistant_ = is_assistant;
    return {};
  }

  // The thoughts of earlier turns vanish, but for those before tool calls if they are to be kept.
  Status Reasoning(const Current& at) {
    const bool first_name = PythonTruthy(at.message.Find("reasoning"));
    const std::string_view name = first_name ? "reasoning" : "reasoning_content";
    const Json* const thinking = at.message.Find(name);
    const bool after_last_user = !last_user_.has_value() || at.idx > *last_user_;
    const bool shown = after_last_user || (options_.preserve_thinking && at.has_calls);
    if (!PythonTruthy(thinking) || !shown) return {};
    CARAT_ASSIGN(const std::string text, WantString(thinking, at.path + "." + std::string(name)));
    out_.Template("<|channel>thought\n");
    out_.Literal(text);
    out_.Template("\n<channel|>");
    return {};
  }

  Status ToolCalls(const Current& at) {
    last_ = Last::kToolCall;
    const Json* const calls = at.message.Find("tool_calls");
    const std::string path = at.path + ".tool_calls";
    return ForEach(calls, path, [&](const Json& call, size_t i, bool) {
      return ToolCall(call.Find("function"), Indexed(path, i) + ".function");
    });
  }

  Status ToolCall(const Json* function, const std::string& path) {
    if (function == nullptr) return Fail(WrongKind(function, path, "an object"));
    CARAT_ASSIGN(const std::string name, WantString(function->Find("name"), path + ".name"));
    Json parsed;
    CARAT_ASSIGN(const Json* const arguments,
                 CallArguments(function->Find("arguments"), path + ".arguments", parsed));
    out_.Template("<|tool_call>call:");
    out_.Literal(name);
    if (arguments == nullptr) {
      out_.Template("{}");
    } else {
      FormatArgument(arguments, Keys::kBare, out_);
    }
    out_.Template("<tool_call|>");
    return {};
  }

  // Responses on the message itself (Google's own form), else the tool messages behind its calls.
  Status ToolResponses(Current& at) {
    const Json* const responses = at.message.Find("tool_responses");
    if (!PythonTruthy(responses)) {
      return at.has_calls ? FollowingToolMessages(at) : Status{};
    }
    const std::string path = at.path + ".tool_responses";
    return ForEach(responses, path, [&](const Json& response, size_t i, bool) -> Status {
      const Json* const name = response.Find("name");
      if (PythonTruthy(name)) {
        CARAT_ASSIGN(const std::string text, WantString(name, Indexed(path, i) + ".name"));
        FormatToolResponse(&text, response.Find("response"), out_);
      } else {
        FormatToolResponse(nullptr, response.Find("response"), out_);
      }
      at.has_responses = true;
      last_ = Last::kToolResponse;
      return {};
    });
  }

  Status FollowingToolMessages(Current& at) {
    for (size_t i = at.idx + 1; i < messages_.size() && IsTool(i); ++i) {
      CARAT_TRY(ToolMessage(*at.message.Find("tool_calls"), i));
      at.has_responses = true;
      last_ = Last::kToolResponse;
    }
    return {};
  }

  // One role:tool message as the response to one of `calls`, which ToolCalls has accepted. The name
  // is that of the last call with the same id (no id equals no id), else the message's own.
  Status ToolMessage(const Json& calls, size_t i) {
    const Json& message = messages_[i];
    const Json* name = message.Find("name");
    if (!PythonTruthy(name)) name = nullptr;
    for (const Json& call : calls.array()) {
      if (!PythonEqual(call.Find("id"), message.Find("tool_call_id"))) continue;
      name = call.Find("function")->Find("name");
    }
    std::string text;
    if (name != nullptr) {
      CARAT_ASSIGN(text, WantString(name, PathOf(i) + ".name"));
    }
    const std::string* const shown_name = name != nullptr ? &text : nullptr;
    const Json none;
    const Json* body = message.Find("content");
    if (body == nullptr) body = &none;
    if (body->is_string() || !IsSequence(body)) {
      FormatToolResponse(shown_name, body, out_);
      return {};
    }
    CARAT_ASSIGN(const Json joined, JoinedText(*body, PathOf(i) + ".content"));
    FormatToolResponse(shown_name, &joined, out_);
    const std::string path = PathOf(i) + ".content";
    return ForEach(body, path, [&](const Json& part, size_t number, bool) -> Status {
      Medium(part, Indexed(path, number));
      return {};
    });
  }

  // The text parts of a tool message's content, one behind the other.
  static Result<Json> JoinedText(const Json& parts, const std::string& path) {
    std::string joined;
    const auto append = [&](const Json& part, size_t i, bool) -> Status {
      const std::string place = Indexed(path, i);
      if (!part.is_object()) return Fail(WrongKind(&part, place, "an object"));
      if (!PythonIs(part.Find("type"), "text")) return {};
      CARAT_ASSIGN(const std::string text, WantString(part.Find("text"), place + ".text"));
      joined += text;
      return {};
    };
    CARAT_TRY(ForEach(&parts, path, append));
    return Json(std::move(joined));
  }

  Status Content(Current& at) {
    const size_t begin = out_.size();
    const Json* const content = at.message.Find("content");
    const std::string path = at.path + ".content";
    if (IsString(content)) {
      CARAT_TRY(ContentText(at, content, path));
    } else if (content != nullptr && IsSequence(content)) {
      const auto append = [&](const Json& part, size_t i, bool) {
        return ContentPart(at, part, Indexed(path, i));
      };
      CARAT_TRY(ForEach(content, path, append));
    }
    at.has_content = !PythonStrip(std::string_view(out_.text()).substr(begin)).empty();
    return {};
  }

  Status ContentPart(const Current& at, const Json& part, const std::string& path) {
    if (!part.is_object()) return Fail(WrongKind(&part, path, "an object"));
    if (PythonIs(part.Find("type"), "text")) {
      return ContentText(at, part.Find("text"), path + ".text");
    }
    Medium(part, path);
    return {};
  }

  // The placeholder of a part that is a medium.
  void Medium(const Json& part, const std::string& path) {
    const std::string_view token = MediaToken(part);
    if (token.empty()) return;
    out_.Template(token);
    prompt_.media.push_back({&part, path});
  }

  Status ContentText(const Current& at, const Json* text, const std::string& path) {
    if (!at.is_model) {
      out_.Literal(PythonStrip(PythonStr(text)));
      return {};
    }
    CARAT_ASSIGN(const std::string answer, WantString(text, path));
    out_.Literal(StripThinking(answer));
    return {};
  }

  void EndOfMessage(const Current& at) {
    const bool found_next = next_[at.idx] < messages_.size();
    const bool next_is_assistant =
        found_next && PythonIs(messages_[next_[at.idx]].Find("role"), "assistant");
    const bool continues = at.is_model && next_is_assistant && (!at.has_calls || at.has_responses);
    if (last_ == Last::kToolCall && !at.has_responses) {
      out_.Template("<|tool_response>");
    } else if (!continues && !(at.has_responses && !at.has_content && !found_next)) {
      out_.Template("<turn|>\n");
    }
  }

  void GenerationPrompt() {
    if (!options_.add_generation_prompt) return;
    if (prompt_.boundaries.empty() || prompt_.boundaries.back() != out_.size()) {
      prompt_.boundaries.push_back(out_.size());
    }
    if (last_ == Last::kOther) {
      out_.Template("<|turn>model\n");
      if (!options_.enable_thinking) out_.Template("<|channel>thought\n<channel|>");
    } else if (last_ == Last::kToolResponse && options_.enable_thinking) {
      out_.Template("<|channel>thought\n");
      prompt_.opens_thought = true;
    }
  }

  std::span<const Json> messages_;  // borrows
  const Json* tools_;               // borrows; null: undefined
  TemplateOptions options_;
  PromptText out_;
  RenderedPrompt prompt_;
  size_t first_ = 0;                    // 1 where the system block took the first message
  std::optional<size_t> last_user_;     // ns_turn.last_user_idx
  std::vector<size_t> next_;            // next_nt of every message
  bool previous_is_assistant_ = false;  // ns.prev_non_tool_role == 'assistant'
  Last last_ = Last::kOther;
};

// The official file without the newline at its end: its length and its FNV-1a hash of 64 bits.
constexpr size_t kTemplateBytes = 18682;
constexpr uint64_t kTemplateHash = 0x6cc370a9399441fa;

}  // namespace

bool IsOurTemplate(std::string_view text) {
  const size_t end = text.find_last_not_of(" \t\r\n");
  text = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
  if (text.size() != kTemplateBytes) return false;
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash == kTemplateHash;
}

Result<RenderedPrompt> RenderPrompt(const Json& messages, const Json* tools,
                                    const TemplateOptions& options) {
  std::span<const Json> list;
  if (messages.is_array()) {
    list = messages.array();
  } else if (!IsSequence(&messages) || PythonTruthy(&messages)) {
    // An empty string or object passes for an empty list in the template; nothing else does.
    return Fail(WrongKind(&messages, "messages", "an array"));
  }
  return Renderer(list, tools, options).Render();
}

}  // namespace carat
