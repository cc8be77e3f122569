// LineEditor: messages typed at a terminal, with editing and history (libedit).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace carat {

struct TypedMessage {
  std::string text;
  bool one_line = true;  // typed as a single line, so it may be a command
};

// A message ends at Enter; a line ending in a backslash goes on in the next, and so does one after
// """ until the next """. Pasted lines stay one message where the terminal can mark what is pasted.
// The history file is kept at mode 0600 in a folder of mode 0700, and several programs may share
// it. One per process.
class LineEditor {
 public:
  // `history`: the file; empty: no history is kept.
  explicit LineEditor(std::filesystem::path history);
  ~LineEditor();

  // The next message, or nothing at the end of input. Ctrl-C drops what was typed.
  std::optional<TypedMessage> Read();
  // Keys that were read from the terminal before: the next Read() takes them first.
  void Push(const std::string& keys);

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

// $XDG_STATE_HOME/carat/history, or ~/.local/state/carat/history.
std::filesystem::path HistoryFile();

}  // namespace carat
