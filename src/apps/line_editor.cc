#include "apps/line_editor.h"

#include <fcntl.h>
#include <histedit.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "apps/output.h"
#include "base/scoped_fd.h"
#include "base/utf8.h"

namespace carat {
namespace {

constexpr int kHistoryEntries = 1000;
constexpr uintmax_t kLongHistory = 1 << 20;  // bytes; then it is written anew with what is kept
constexpr std::string_view kPasteEnd = "\x1b[201~";

// libedit calls back without a context, so these are the process's.
const char* current_prompt = "> ";
bool line_dropped = false;
bool knows_paste_marks = false;
termios terminal_before{};

char* ShowPrompt(EditLine*) { return const_cast<char*>(current_prompt); }

// Ctrl-C while typing: the line is dropped, the program stays.
unsigned char DropLine(EditLine*, int) {
  line_dropped = true;
  return CC_EOF;
}

// Asks the terminal to mark what is pasted, or not to. Also called by a signal handler.
void MarkPastes(bool on) {
  if (!knows_paste_marks) return;
  WriteErr(on ? "\x1b[?2004h" : "\x1b[?2004l");
}

// Ctrl-Z: libedit has taken the terminal, so it is given back while the program sleeps.
unsigned char Suspend(EditLine* line, int) {
  MarkPastes(false);
  el_set(line, EL_PREP_TERM, 0);
  ::raise(SIGTSTP);
  el_set(line, EL_PREP_TERM, 1);
  MarkPastes(true);
  return CC_REDISPLAY;
}

// What stands between the terminal's marks goes into the line as it is, newlines included.
unsigned char Paste(EditLine* line, int) {
  std::string text;
  wchar_t c = 0;
  while (!text.ends_with(kPasteEnd) && el_wgetc(line, &c) == 1)
    AppendUtf8(c == L'\r' ? U'\n' : static_cast<char32_t>(c), text);
  if (text.ends_with(kPasteEnd)) text.resize(text.size() - kPasteEnd.size());
  while (text.ends_with('\n')) text.pop_back();  // Enter is the user's to press
  el_insertstr(line, text.c_str());
  return CC_REFRESH;
}

// A late answer about the terminal's attributes is none of the user's words.
unsigned char DropAnswer(EditLine* line, int) {
  wchar_t c = 0;
  while (el_wgetc(line, &c) == 1 && (c == L';' || (c >= L'0' && c <= L'9'))) {
  }
  return CC_NORM;
}

// A program that is told to end while it waits for a line must not leave the terminal raw. In the
// background it has given the terminal back already, and may not touch it.
void RestoreAndEnd(int signal) {
  if (::tcgetpgrp(STDIN_FILENO) == ::getpgrp()) {
    MarkPastes(false);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
  }
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void MakePrivateFile(const std::filesystem::path& path) {
  std::error_code ignored;
  std::filesystem::create_directories(path.parent_path().parent_path(), ignored);
  ::mkdir(path.parent_path().c_str(), 0700);
  ::chmod(path.parent_path().c_str(), 0700);
  const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return;  // no history then; the conversation does not need it
  ::fchmod(fd, 0600);
  ::close(fd);
}

}  // namespace

struct LineEditor::Data {
  EditLine* line = nullptr;
  History* history = nullptr;
  std::filesystem::path file;

  // One line without its newline; nothing at the end of input.
  std::optional<std::string> ReadLine() const {
    int count = 0;
    line_dropped = false;
    errno = 0;
    MarkPastes(true);
    const char* text = el_gets(line, &count);
    MarkPastes(false);
    if (text == nullptr || count <= 0) {
      line_dropped |= errno == EINTR;  // a signal from outside: as Ctrl-C
      return std::nullopt;
    }
    std::string_view view(text, static_cast<size_t>(count));
    while (view.ends_with('\n') || view.ends_with('\r')) view.remove_suffix(1);
    return std::string(view);
  }

  // Adds the message to the history, and to the end of the file, which others may be writing too.
  void Remember(const std::string& message) const {
    HistEvent event;
    ::history(history, &event, H_ENTER, message.c_str());
    if (file.empty()) return;
    FILE* out = std::fopen(file.c_str(), "ae");
    if (out == nullptr) return;
    ::flock(::fileno(out), LOCK_EX);
    std::fseek(out, 0, SEEK_END);
    ::history(history, &event, H_NSAVE_FP, size_t{0}, out);  // it counts from 0: the newest
    std::fclose(out);
  }

  void LoadHistory() const {
    MakePrivateFile(file);
    const ScopedFd lock(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!lock.valid()) return;
    ::flock(lock.get(), LOCK_EX);
    HistEvent event;
    ::history(history, &event, H_LOAD, file.c_str());
    std::error_code ignored;
    if (std::filesystem::file_size(file, ignored) > kLongHistory && !ignored)
      ::history(history, &event, H_SAVE, file.c_str());
  }
};

LineEditor::LineEditor(std::filesystem::path history) : data_(std::make_unique<Data>()) {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  const char* terminal = std::getenv("TERM");
  knows_paste_marks = terminal != nullptr && std::string_view(terminal) != "dumb";
  ::tcgetattr(STDIN_FILENO, &terminal_before);
  for (const int signal : {SIGTERM, SIGHUP, SIGQUIT}) ::signal(signal, RestoreAndEnd);
  data_->file = std::move(history);
  EditLine* line = data_->line = el_init("carat", stdin, stderr, stderr);
  data_->history = history_init();
  HistEvent event;
  ::history(data_->history, &event, H_SETSIZE, kHistoryEntries);
  el_set(line, EL_PROMPT, &ShowPrompt);
  el_set(line, EL_EDITOR, "emacs");
  el_set(line, EL_HIST, ::history, data_->history);
  el_set(line, EL_SETTY, "-d", "-isig", nullptr);
  el_set(line, EL_ADDFN, "carat-drop-line", "Drop the line", &DropLine);
  el_set(line, EL_ADDFN, "carat-suspend", "Stop until fg", &Suspend);
  el_set(line, EL_ADDFN, "carat-paste", "Take pasted text", &Paste);
  el_set(line, EL_ADDFN, "carat-drop-answer", "Drop a terminal's answer", &DropAnswer);
  el_set(line, EL_BIND, "\\e[?", "carat-drop-answer", nullptr);
  el_set(line, EL_BIND, "^C", "carat-drop-line", nullptr);
  el_set(line, EL_BIND, "^Z", "carat-suspend", nullptr);
  el_set(line, EL_BIND, "\\e[200~", "carat-paste", nullptr);
  el_set(line, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  if (!data_->file.empty()) data_->LoadHistory();
}

LineEditor::~LineEditor() {
  history_end(data_->history);
  el_end(data_->line);
}

void LineEditor::Push(const std::string& keys) {
  if (!keys.empty()) el_push(data_->line, keys.c_str());
}

std::optional<TypedMessage> LineEditor::Read() {
  TypedMessage message;
  bool quoted = false;
  for (;;) {
    current_prompt = message.one_line ? "> " : "… ";
    std::optional<std::string> line = data_->ReadLine();
    if (!line && line_dropped) {
      WriteErr("^C\n");
      message = {};
      quoted = false;
      continue;
    }
    if (!line) {
      WriteErr("\n");  // the shell's prompt begins a line of its own
      if (message.text.empty()) return std::nullopt;
      break;
    }
    if (*line == "\"\"\"") {
      message.one_line = false;
      quoted = !quoted;
      if (!quoted) {
        if (message.text.ends_with('\n')) message.text.pop_back();
        break;
      }
      continue;
    }
    const bool goes_on = !quoted && line->ends_with('\\');
    if (goes_on) line->pop_back();
    message.text += *line;
    if (goes_on || line->find('\n') != std::string::npos) message.one_line = false;
    if (!quoted && !goes_on) break;
    message.text += '\n';
  }
  if (!message.text.empty()) data_->Remember(message.text);
  return message;
}

std::filesystem::path HistoryFile() {
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state != '\0') {
    return std::filesystem::path(state) / "carat/history";
  }
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home != nullptr ? home : ".") / ".local/state/carat/history";
}

}  // namespace carat
