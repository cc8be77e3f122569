#include "apps/chat.h"

#include <optional>
#include <string>

#include "apps/dropped_files.h"
#include "apps/input.h"
#include "apps/interrupt.h"
#include "apps/line_editor.h"
#include "apps/models.h"
#include "apps/output.h"
#include "apps/run_options.h"
#include "apps/terminal.h"
#include "apps/thumbnail.h"

namespace carat {
namespace {

// As what a file is shown; absent for a file of a kind that carat does not take.
std::optional<PartKind> KindOf(const std::string& path) {
  const auto source = MediaSource::Open(path);
  if (!source || !source->Type()) return std::nullopt;
  const auto kind = KindOfMedia(*source);
  return kind ? *kind : PartKind::kVideo;  // reading it will say what is wrong
}

// Reads media for the next message, and shows them where the terminal can.
class Attacher {
 public:
  Attacher(Conversation& conversation, LineEditor& editor, const GivenMedia& options)
      : conversation_(conversation), editor_(editor), options_(options) {}

  Status Attach(PartKind kind, const std::string& path) {
    for (const MediaRequest& request : options_.Requests(kind, path)) CARAT_TRY(Attach(request));
    return {};
  }

  Status Attach(const MediaRequest& request) {
    CARAT_ASSIGN(const MediaPart part, conversation_.Attach(request));
    if (part.kind != PartKind::kAudio)
      WriteErr(Thumbnail(part.media.front()->pixels(), graphics()));
    return {};
  }

 private:
  // The terminal is asked when the first picture comes.
  Graphics graphics() {
    if (graphics_) return *graphics_;
    graphics_ = NamedGraphics();
    if (*graphics_ == Graphics::kNone) {
      std::string typed;
      graphics_ = AskedGraphics(typed);
      editor_.Push(typed);
    }
    return *graphics_;
  }

  Conversation& conversation_;
  LineEditor& editor_;
  const GivenMedia& options_;
  std::optional<Graphics> graphics_;
};

constexpr std::string_view kHelp =
    "/new            begin again\n"
    "/system         show the system prompt\n"
    "/system TEXT    set it (- for none) and begin again\n"
    "/think          thinking on or off\n"
    "/image FILE     show a picture with the next message (/audio and /video likewise;\n"
    "                a file dropped on the prompt does the same)\n"
    "/detach         forget the media that wait for the next message\n"
    "/save FILE      write the conversation as JSON\n"
    "/load FILE      read one back\n"
    "/stats          messages, seed, context, who answers\n"
    "/quit           leave (also Ctrl-D)\n"
    "A backslash at the end of a line goes on in the next; so do lines between two \"\"\".\n"
    "Ctrl-C stops an answer and keeps the conversation.\n";

void ShowStats(const Conversation& conversation) {
  PrintErr("{} messages; seed {}; {}", conversation.num_messages(), conversation.seed(),
           EscapeForTerminal(conversation.answerer().Describe()));
}

void System(const std::string& text, Conversation& conversation) {
  if (text.empty()) {
    const std::string& now = conversation.system();
    PrintErr("{}\n", now.empty() ? "no system prompt" : EscapeForTerminal(now));
    return;
  }
  conversation.SetSystem(text == "-" ? "" : text);
  PrintErr("system prompt {}; a new conversation\n", text == "-" ? "removed" : "set");
}

Status SaveOrLoad(const std::string& name, const std::string& file, Conversation& conversation) {
  if (file.empty())
    return Fail({.what = "a file name is missing", .where = name, .wanted = name + " FILE"});
  const std::string path = ExpandHome(file);
  CARAT_TRY(name == "/save" ? conversation.Save(path) : conversation.Load(path));
  PrintErr("{} messages {} {}\n", conversation.num_messages(),
           name == "/save" ? "written to" : "read from", EscapeLine(path));
  return {};
}

// /image, /audio, /video.
std::optional<PartKind> MediaCommand(std::string_view name) {
  if (name == "/image") return PartKind::kImage;
  if (name == "/audio") return PartKind::kAudio;
  if (name == "/video") return PartKind::kVideo;
  return std::nullopt;
}

// A command's name holds no other slash.
bool LooksLikePath(std::string_view line) {
  return line.substr(0, line.find(' ')).find('/', 1) != std::string_view::npos;
}

// One slash command. False: leave.
Result<bool> Command(const std::string& line, Conversation& conversation, Attacher& attacher) {
  const size_t space = line.find(' ');
  const std::string name = line.substr(0, space);
  const std::string rest = space == std::string::npos ? "" : Trimmed(line.substr(space));
  if (name == "/quit") return false;
  if (name == "/help") {
    WriteErr(kHelp);
  } else if (name == "/new") {
    conversation.Clear();
    WriteErr("a new conversation\n");
  } else if (name == "/system") {
    System(rest, conversation);
  } else if (name == "/think") {
    PrintErr("thinking {}\n", conversation.ToggleThinking() ? "on" : "off");
  } else if (name == "/save" || name == "/load") {
    CARAT_TRY(SaveOrLoad(name, rest, conversation));
  } else if (const auto kind = MediaCommand(name)) {
    if (rest.empty())
      return Fail({.what = "a file name is missing", .where = name, .wanted = name + " FILE"});
    CARAT_TRY(attacher.Attach(*kind, ExpandHome(TypedPath(rest))));
  } else if (name == "/detach") {
    PrintErr("{} media forgotten\n", conversation.num_attached());
    conversation.Detach();
  } else if (name == "/stats") {
    ShowStats(conversation);
  } else {
    return Fail({.what = "no such command; /help lists them", .found = name});
  }
  return true;
}

// Files that were dropped on the prompt, and what was typed behind them, are a message with media;
// files alone wait for the next message. If it fails they are taken back with it.
Status Message(const DroppedFiles& dropped, const TypedMessage& message, Conversation& conversation,
               Attacher& attacher, AnswerView& view) {
  if (dropped.files.empty()) return conversation.Answer(message.text, view);
  const size_t before = conversation.num_attached();
  const auto run = [&]() -> Status {
    for (const DroppedFile& file : dropped.files) CARAT_TRY(attacher.Attach(file.kind, file.path));
    return dropped.text.empty() ? Status() : conversation.Answer(dropped.text, view);
  };
  const Status done = run();
  if (!done) conversation.Detach(before);
  return done;
}

}  // namespace

Status Chat(Conversation& conversation, const ChatOptions& options) {
  WriteErr("Type a message; /help lists the commands, Ctrl-D ends.\n");
  LineEditor editor(options.keep_history ? HistoryFile() : std::filesystem::path());
  AnswerView view(ViewKind::kTerminal);
  Attacher attacher(conversation, editor, options.media);
  const auto report = [&](const Error& broken) {
    Error error = conversation.answerer().WithAdvice(broken);
    if (error.code == ErrorCode::kContextFull)
      error.what += ", /new begins again, /save FILE keeps the conversation";
    Report(error);
  };
  for (const MediaRequest& request : options.media.requests) CARAT_TRY(attacher.Attach(request));
  while (const std::optional<TypedMessage> message = editor.Read()) {
    if (Trimmed(message->text).empty()) continue;
    ClearInterrupt();
    const DroppedFiles dropped = FindDroppedFiles(message->text, KindOf);
    if (message->one_line && message->text.starts_with("/") && dropped.files.empty() &&
        !LooksLikePath(message->text)) {
      const Result<bool> go_on = Command(message->text, conversation, attacher);
      if (!go_on) report(go_on.error());
      if (go_on && !*go_on) return {};
    } else if (const Status done = Message(dropped, *message, conversation, attacher, view);
               !done) {
      report(done.error());
    }
  }
  return {};
}

}  // namespace carat
