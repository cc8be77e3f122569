// The events of an answer as OpenAI's Responses has them, and the Response object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/answer_report.h"
#include "api/answer_writer.h"
#include "io/json.h"
#include "service/answer.h"
#include "tokenizer/tokenizer.h"

namespace carat {

struct ResponseFrame {
  std::string id = {};     // "resp_…"
  std::string model = {};  // as it is called here
  Json echo = {};          // ResponsesRequest::echo
  bool background = false;
  bool summary = false, sealed = false;                                    // as ResponsesRequest
  std::map<std::string, std::pair<std::string, std::string>> spaced = {};  // likewise
  bool progress = false;                            // tells how far the prompt is read
  std::shared_ptr<const Tokenizer> tokenizer = {};  // for logprobs; null: none are written
};

// Every piece has the sequence number that is its place in the stream, from 0. An answer has one
// item for a thought, one for a text, one for each call. A call that could not be read is text.
//
// Why an answer is not whole stands in incomplete_details.reason: "max_output_tokens", or carat's
// own "context_length", "repetition" and "no_content" (it ended with neither text nor call); the
// member `carat` says it for people.
class ResponsesWriter : public AnswerWriter {
 public:
  explicit ResponsesWriter(ResponseFrame frame);

  void Push(const AnswerEvent& event, const Answer& answer, std::vector<StreamPiece>& out) override;
  net::Reply Whole(const Answer& answer) const override;

  // The Response as far as it is.
  Json Response(const Answer& answer) const;

 private:
  enum class Open { kNothing, kThought, kText };

  void Emit(std::string_view type, Json body, std::vector<StreamPiece>& out);
  void Begin(const Answer& answer, std::vector<StreamPiece>& out);
  void TellProgress(const AnswerEvent& event, const Answer& answer, std::vector<StreamPiece>& out);
  void OpenThought(std::vector<StreamPiece>& out);
  void OpenText(std::vector<StreamPiece>& out);
  void AddThought(const std::string& text, std::vector<StreamPiece>& out);
  void AddText(const AnswerEvent& event, std::vector<StreamPiece>& out);
  void AddCall(const AnswerEvent& event, std::vector<StreamPiece>& out);
  void Close(std::string_view status, std::vector<StreamPiece>& out);
  void CloseThought(std::string_view status, std::vector<StreamPiece>& out);
  void CloseText(std::string_view status, std::vector<StreamPiece>& out);
  void End(const Answer& answer, std::vector<StreamPiece>& out);

  std::string ItemId(std::string_view prefix) const;
  Json Place() const;  // {"item_id", "output_index"} of the open item
  Json ThoughtItem(std::string_view status) const;
  Json TextItem(std::string_view status) const;
  Json Logprobs(const std::vector<TokenLogprob>& tokens) const;
  std::string_view Status() const;
  Json Incomplete() const;

  const ResponseFrame frame_;
  uint64_t sequence_ = 0;
  bool begun_ = false, ended_ = false;
  Json::Array output_;  // items that have ended
  Open open_ = Open::kNothing;
  std::string text_;      // of the open item
  Json::Array logprobs_;  // likewise
  ChoiceReport report_;
};

// The Response of an answer as far as it is now, from its events.
Json ResponseOf(const ResponseFrame& frame, const Answer& answer);

}  // namespace carat
