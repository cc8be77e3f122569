#include "apps/line_editor.h"

#include <fcntl.h>
#include <histedit.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace carat {
namespace {

constexpr int kHistoryEntries = 1000;
const char* current_prompt = "> ";
bool interrupted_line = false;

char* Prompt(EditLine*) { return const_cast<char*>(current_prompt); }

// Ctrl-C while typing: the line is dropped, the program stays.
unsigned char DropLine(EditLine*, int) {
  interrupted_line = true;
  return CC_EOF;
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
  std::optional<std::string> ReadLine() {
    int count = 0;
    interrupted_line = false;
    const char* text = el_gets(line, &count);
    if (text == nullptr || count <= 0) return std::nullopt;
    std::string_view view(text, static_cast<size_t>(count));
    while (view.ends_with('\n') || view.ends_with('\r')) view.remove_suffix(1);
    return std::string(view);
  }
};

LineEditor::LineEditor(std::filesystem::path history) : data_(std::make_unique<Data>()) {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  data_->file = std::move(history);
  data_->line = el_init("carat", stdin, stderr, stderr);
  data_->history = history_init();
  HistEvent event;
  ::history(data_->history, &event, H_SETSIZE, kHistoryEntries);
  el_set(data_->line, EL_PROMPT, &Prompt);
  el_set(data_->line, EL_EDITOR, "emacs");
  el_set(data_->line, EL_HIST, ::history, data_->history);
  el_set(data_->line, EL_SETTY, "-d", "-isig", nullptr);
  el_set(data_->line, EL_ADDFN, "carat-drop-line", "Drop the line", &DropLine);
  el_set(data_->line, EL_BIND, "^C", "carat-drop-line", nullptr);
  el_set(data_->line, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  if (!data_->file.empty()) {
    MakePrivateFile(data_->file);
    ::history(data_->history, &event, H_LOAD, data_->file.c_str());
  }
}

LineEditor::~LineEditor() {
  history_end(data_->history);
  el_end(data_->line);
}

std::optional<std::string> LineEditor::Read() {
  std::string message;
  bool quoted = false;
  for (;;) {
    current_prompt = message.empty() && !quoted ? "> " : "… ";
    std::optional<std::string> line = data_->ReadLine();
    if (!line && interrupted_line) {
      std::fputs("^C\n", stderr);
      message.clear();
      quoted = false;
      continue;
    }
    if (!line) {
      if (message.empty()) return std::nullopt;
      break;
    }
    if (*line == "\"\"\"") {
      quoted = !quoted;
      if (!quoted) break;
      continue;
    }
    const bool goes_on = !quoted && line->ends_with('\\');
    if (goes_on) line->pop_back();
    message += *line;
    if (!quoted && !goes_on) break;
    message += '\n';
  }
  if (!message.empty()) {
    HistEvent event;
    ::history(data_->history, &event, H_ENTER, message.c_str());
    if (!data_->file.empty()) ::history(data_->history, &event, H_SAVE, data_->file.c_str());
  }
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
