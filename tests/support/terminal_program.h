// TerminalProgram: a program that believes to be at a terminal, and the person in front of it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/scoped_fd.h"

namespace carat {

// Runs a program at a pseudo terminal of 500 columns, so that no line is folded. Whatever fails is
// a failed test that shows the screen; after that nothing is waited for any more. One owner thread.
class TerminalProgram {
 public:
  // `home` becomes HOME, XDG_STATE_HOME and XDG_DATA_HOME.
  TerminalProgram(const std::string& program, const std::vector<std::string>& arguments,
                  const std::filesystem::path& home);
  TerminalProgram(const TerminalProgram&) = delete;
  TerminalProgram& operator=(const TerminalProgram&) = delete;
  ~TerminalProgram();

  void Send(std::string_view keys);
  // Reads until `text` stands behind what earlier calls have found, at most a minute. Returns what
  // came before it.
  std::string WaitFor(std::string_view text);
  // Waits for the prompt of a line editor and for the terminal to be the editor's: a key that
  // comes between the two would be the terminal driver's. Returns what came before the prompt.
  std::string WaitForPrompt(std::string_view prompt = "> ");
  // Waits for the program to end by itself. As waitpid says it; -1 if it does not end.
  int WaitForEnd();

  void Signal(int signal) const;
  // Whether the terminal gives whole lines and shows what is typed.
  bool is_cooked() const;
  // All that has been read.
  const std::string& screen() const { return screen_; }

 private:
  // False at the end of the program's output. Waits until `deadline`, in seconds of the clock.
  bool ReadSome(double deadline);
  void Broken(std::string_view problem);

  ScopedFd fd_;
  pid_t pid_ = -1;
  std::string screen_;
  size_t found_ = 0;  // bytes of the screen that calls have passed
  bool broken_ = false;
};

}  // namespace carat
