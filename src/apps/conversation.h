// Conversation: the messages of `carat run`, and who answers them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/answer_view.h"
#include "apps/answerer.h"
#include "base/result.h"
#include "chat/media_reader.h"
#include "chat/template.h"
#include "io/json.h"

namespace carat {

// Borrows the answerer. Ctrl-C (interrupt.h) stops an answer; the caller clears
// the flag before the next. One owner thread.
class Conversation {
 public:
  struct Options {
    std::string system;
    bool think = false;
    std::vector<std::string> stop;
    std::optional<uint64_t> seed;  // absent: another one for every answer
  };
  Conversation(Answerer& answerer, Options options);

  // Begins again, with the system prompt.
  void Clear();
  void SetSystem(const std::string& text);
  const std::string& system() const { return options_.system; }
  bool ToggleThinking() { return options_.think = !options_.think; }
  // Never over a file that this conversation did not write or read.
  Status Save(const std::string& path);
  // Takes the conversation, and its system prompt, only if carat can go on with it.
  Status Load(const std::string& path);
  size_t num_messages() const { return messages_.array().size(); }
  uint64_t seed() const { return seed_; }  // of the last answer
  const Answerer& answerer() const { return answerer_; }

  // Answers one message of the user, shown through `view`. If it fails, or is stopped before it
  // begins, the message is taken back. An answer stopped later is kept as far as it came.
  Status Answer(const std::string& text, AnswerView& view);

  // Shows a medium with the next message: reads it now, and says on standard error what it is. What
  // was read stays, whatever becomes of the file.
  Result<MediaPart> Attach(const MediaRequest& request);
  size_t num_attached() const { return attached_.size(); }
  // Forgets those attached after the first `keep`.
  void Detach(size_t keep = 0);

 private:
  // A medium in what the context leaves beside `taken` positions and a short question with its
  // answer; says on standard error what it is.
  Result<MediaPart> Read(const MediaRequest& request, size_t taken) const;
  void AddMessage(std::string_view role, Json content);
  Status Ask(AnswerView& view);

  Answerer& answerer_;
  Options options_;
  Json messages_;     // an array
  std::string file_;  // of the last Save or Load
  MediaReader reader_;
  std::vector<MediaPart> media_;  // of all messages, in the order of their placeholders
  struct Attached {
    MediaRequest request;
    MediaPart part;
  };
  std::vector<Attached> attached_;  // for the next message
  uint64_t seed_ = 0;
};

}  // namespace carat
