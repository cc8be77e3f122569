// Answers by the server that runs, so that no model is loaded twice.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "apps/answerer.h"
#include "apps/own_server.h"
#include "apps/run_options.h"

namespace carat {

class ServerAnswerer : public Answerer {
 public:
  // By the server that runs, if the model that this name means (ChooseModel) is loaded there. Says
  // so on standard error, or why a server that runs can't be asked. Null: there is none such.
  // `sampling`: the members of Chat Completions that its answers are asked with.
  static std::unique_ptr<ServerAnswerer> Find(const std::string& model, Json sampling);

  Result<MadeAnswer> Answer(const Question& question, AnswerView& view) override;
  Status Take(const MediaRequest& request, const MediaPart& part) override;
  Pos context() const override { return context_; }
  size_t Positions(const RenderedPrompt&) const override { return 0; }
  std::string Describe() const override;
  Error WithAdvice(Error error) const override { return error; }

 private:
  ServerAnswerer(OwnServer server, std::string model, Pos context, Json sampling);
  Json RequestOf(const Question& question) const;

  OwnServer server_;  // found anew for each answer: it may have been started again, or be gone
  const std::string model_;
  const Pos context_;
  const Json sampling_;
  // data: URLs of media, as their files were when they were read.
  std::map<const Medium*, std::string> media_;
};

// Whether the server takes what these options say of an answer.
bool ServerTakes(const RunOptions& options);
bool ServerTakes(const Json& sampling);
// The members of Chat Completions for the options of an answer, and for the most probable one.
// Precondition: it takes them.
Json SamplingOf(const RunOptions& options);
Json GreedySampling(size_t max_tokens);

}  // namespace carat
