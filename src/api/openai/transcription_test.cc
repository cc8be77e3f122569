#include <gtest/gtest.h>

#include <cstring>

#include "api/openai/languages.h"
#include "api/openai/transcription_request.h"
#include "api/openai/transcription_writer.h"
#include "api/wav.h"
#include "base/base64.h"
#include "tests/support/small_tokenizer.h"
#include "tests/support/tight_json.h"

namespace carat {
namespace {

using Fieldset = std::vector<std::pair<std::string, std::string>>;

Result<TranscriptionRequest> Read(const Fieldset& fields, bool translate = false) {
  std::vector<FormPart> parts{{.name = "file", .filename = "a.wav", .data = "RIFF"}};
  for (const auto& [name, value] : fields) parts.push_back({.name = name, .data = value});
  return ReadTranscriptionForm(parts, translate);
}

TEST(ReadTranscriptionForm, TakesEveryField) {
  const auto request = Read({{"model", "carat"},
                             {"language", "de"},
                             {"prompt", "Bern"},
                             {"response_format", "json"},
                             {"temperature", "0.5"},
                             {"stream", "true"},
                             {"include[]", "logprobs"},
                             {"chunking_strategy", "auto"}});
  ASSERT_TRUE(request.has_value()) << request.error().Message();
  EXPECT_EQ(request->file, "RIFF");
  EXPECT_EQ(request->language, "German");
  EXPECT_EQ(request->temperature, 0.5);
  EXPECT_TRUE(request->stream && request->logprobs && !request->timed());
  EXPECT_TRUE(InstructionOf(*request).starts_with(
      "Transcribe the following speech segment in German into German text."));
  EXPECT_TRUE(InstructionOf(*request).ends_with("spelling: Bern"));
  EXPECT_TRUE(Read({{"response_format", "verbose_json"}, {"timestamp_granularities[]", "segment"}})
                  ->timed());
  const auto english = Read({{"response_format", "srt"}}, true);
  EXPECT_TRUE(english->translate && english->timed());
  EXPECT_TRUE(InstructionOf(*english).contains("then translate it into English"));
}

TEST(ReadTranscriptionForm, RefusesByName) {
  const std::pair<Fieldset, std::string> cases[] = {
      {{{"response_format", "diarized_json"}}, "response_format: carat does not tell speakers"},
      {{{"response_format", "xml"}}, "response_format: "},
      {{{"language", "xx"}}, "language: "},
      {{{"temperature", "2"}}, "temperature: "},
      {{{"temperature", "warm"}}, "temperature: "},
      {{{"stream", "1"}}, "stream: "},
      {{{"stream", "true"}, {"response_format", "srt"}}, "stream: "},
      {{{"stream", "true"}, {"response_format", "vtt"}}, "stream: "},
      {{{"include[]", "everything"}}, "include: "},
      {{{"include[]", "logprobs"}, {"response_format", "text"}}, "include: "},
      {{{"timestamp_granularities[]", "segment"}}, "timestamp_granularities: "},
      {{{"timestamp_granularities[]", "word"}, {"response_format", "verbose_json"}},
       "timestamp_granularities: "},
      {{{"chunking_strategy[type]", "server_vad"}}, "chunking_strategy[type]: "},
      {{{"chunking_strategy", "none"}}, "chunking_strategy: "},
      {{{"known_speaker_names[]", "ann"}}, "known_speaker_names: "},
      {{{"keywords[]", "ann"}}, "keywords: "},
      {{{"model", "a"}, {"model", "b"}}, "model: it is there twice"},
      {{{"file", "x"}}, "file: it is there twice"},
      {{{"prompt", "\xff"}}, "prompt: "},
      {{{"prompt", std::string(20'000, 'x')}}, "prompt: "},
  };
  for (const auto& [fields, wanted] : cases) {
    const auto request = Read(fields);
    ASSERT_FALSE(request.has_value()) << wanted;
    EXPECT_TRUE(request.error().Message().starts_with(wanted)) << request.error().Message();
  }
  EXPECT_FALSE(Read({{"stream", "true"}}, true).has_value());
  EXPECT_EQ(ReadTranscriptionForm({}, false).error().Message(), "file: missing");
  EXPECT_EQ(ReadTranscriptionForm(std::vector<FormPart>{{.name = "file"}}, false).error().Message(),
            "file: it is empty");
}

const std::vector<TranscriptSegment> kSegments = {
    {.begin = 0.5, .end = 2, .piece_begin = 0, .text = "Hello."},
    {.begin = 3.25, .end = 4, .piece_begin = 3, .text = "World.", .reason = AnswerEnd::kMaxTokens}};
const TranscriptTotals kTotals{.seconds = 4.5, .prompt = 30, .sound = 20, .generated = 6};

net::Reply Written(TranscriptionFormat format, bool translate = false) {
  return WriteTranscription({.format = format, .translate = translate}, kSegments, kTotals,
                            nullptr);
}

TEST(WriteTranscription, HasAllFormats) {
  EXPECT_EQ(Written(TranscriptionFormat::kText).body, "Hello. World.\n");
  EXPECT_EQ(Written(TranscriptionFormat::kText).content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(
      Written(TranscriptionFormat::kSrt).body,
      "1\n00:00:00,500 --> 00:00:02,000\nHello.\n\n2\n00:00:03,250 --> 00:00:04,000\nWorld.\n\n");
  EXPECT_TRUE(Written(TranscriptionFormat::kVtt)
                  .body.starts_with("WEBVTT\n\n00:00:00.500 --> 00:00:02.000\nHello.\n\n"));
  EXPECT_EQ(
      Tight(Written(TranscriptionFormat::kJson).body),
      R"({"text":"Hello. World.","usage":{"type":"tokens","input_tokens":30,"input_token_details":{"audio_tokens":20,"text_tokens":10},"output_tokens":6,"total_tokens":36},"carat":{"warnings":["the text from 00:00:03.250 on ended early: length"]}})");
  const std::string verbose = Tight(Written(TranscriptionFormat::kVerboseJson, true).body);
  EXPECT_TRUE(verbose.starts_with(
      R"({"task":"translate","language":"english","duration":4.5,"text":"Hello. World.","segments":[{"id":0,"seek":0,"start":0.5,"end":2.0,"text":"Hello.","tokens":[],"temperature":0.0,"avg_logprob":0.0,"compression_ratio":1.0,"no_speech_prob":0.0},{"id":1,"seek":300,"start":3.25,)"))
      << verbose;
}

TEST(WriteTranscription, GivesLogprobs) {
  const Tokenizer tokenizer = SmallTokenizer();
  std::vector<TranscriptSegment> segments = {{.text = "a"}};
  segments[0].tokens = {{.id = ByteToken('a'), .logprob = -0.5F}};
  const TranscriptionRequest request{.logprobs = true};
  EXPECT_TRUE(Tight(WriteTranscription(request, segments, kTotals, &tokenizer).body)
                  .contains(R"("logprobs":[{"token":"a","logprob":-0.5,"bytes":[97]}])"));
  EXPECT_EQ(
      Tight(DeltaPiece("a", segments[0].tokens, &tokenizer).data),
      R"({"type":"transcript.text.delta","delta":"a","logprobs":[{"token":"a","logprob":-0.5,"bytes":[97]}]})");
  EXPECT_TRUE(
      Tight(DonePiece({}, segments, kTotals, nullptr).data)
          .starts_with(R"({"type":"transcript.text.done","text":"a","usage":{"type":"tokens")"));
}

TEST(DeltaJoiner, JoinsUpToTheText) {
  DeltaJoiner joiner;
  std::string all;
  for (const auto& piece : std::vector<std::vector<std::string>>{
           {" ", "\nHello", " ", "there", ". ", "\n"}, {"  "}, {"World.", "\n"}, {}}) {
    joiner.BeginPiece();
    for (const std::string& delta : piece) all += joiner.Add(delta);
  }
  EXPECT_EQ(all, "Hello there. World.");
}

TEST(WavUrl, HoldsTheSamplesExactly) {
  const std::vector<float> samples = {0, 0.5F, -1};
  const std::string url = WavUrl(samples);
  ASSERT_TRUE(url.starts_with("data:audio/wav;base64,"));
  const auto bytes = *DecodeBase64(std::string_view(url).substr(url.find(',') + 1));
  ASSERT_EQ(bytes.size(), 44U + 12U);
  EXPECT_EQ(bytes[4], 36 + 12);
  EXPECT_EQ(bytes[20], 3);
  float last = 0;
  std::memcpy(&last, bytes.data() + 52, 4);
  EXPECT_EQ(last, -1.0F);
}

TEST(LanguageName, KnowsCodesAndNames) {
  EXPECT_EQ(LanguageName("de"), "German");
  EXPECT_EQ(LanguageName("EN"), "English");
  EXPECT_EQ(LanguageName("french"), "French");
  EXPECT_FALSE(LanguageName("").has_value());
  EXPECT_FALSE(LanguageName("de-CH").has_value());
}

}  // namespace
}  // namespace carat
