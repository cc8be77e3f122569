// Conversation: the messages of `carat run` and the session that reads them.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "apps/answer_view.h"
#include "base/result.h"
#include "engine/generate.h"
#include "engine/session.h"
#include "io/json.h"
#include "tokenizer/tokenizer.h"

namespace carat {

// Borrows the session, the tokenizer and `interrupted`: a signal handler sets it to stop an answer,
// and the caller clears it before the next. One owner thread.
class Conversation {
 public:
  struct Options {
    std::string system;
    bool think = false;
    std::vector<std::string> stop;
    GenerateOptions generating;
  };
  Conversation(Session& session, const Tokenizer& tokenizer, const std::atomic<bool>& interrupted,
               Options options);

  // Begins again, with the system prompt.
  void Clear();
  void SetSystem(const std::string& text);
  bool ToggleThinking() { return options_.think = !options_.think; }
  Status Save(const std::string& path) const;
  // Takes the conversation only if it can be rendered.
  Status Load(const std::string& path);
  size_t num_messages() const { return messages_.array().size(); }

  // Answers one message of the user, shown through `view`. If it fails, the message is taken back.
  // An interrupted answer is kept as far as it came.
  Status Answer(const std::string& text, AnswerView& view);

 private:
  void AddMessage(std::string_view role, const std::string& content);
  Status Stream(AnswerView& view);
  Result<std::string_view> Decode(Generation& answer, bool opens_thought, AnswerView& view,
                                  std::vector<OutputEvent>& all);

  Session& session_;
  const Tokenizer& tokenizer_;
  const std::atomic<bool>& interrupted_;
  Options options_;
  Json messages_;
};

}  // namespace carat
