#include "chat/transcript.h"

#include <gtest/gtest.h>

namespace carat {
namespace {

// As Google publishes them (gemma4-12b specification, section 6).
TEST(TranscribeInstruction, IsThePublishedForm) {
  const std::string rules =
      "\n\nFollow these specific instructions for formatting the answer:\n* Only output the "
      "transcription, with no newlines.\n* When transcribing numbers, write the digits, i.e. write "
      "1.7 and not one point seven, and write 3 instead of three.";
  EXPECT_EQ(TranscribeInstruction("", ""),
            "Transcribe the following speech segment in its original language." + rules);
  EXPECT_EQ(TranscribeInstruction("English", ""),
            "Transcribe the following speech segment in English into English text." + rules);
  EXPECT_EQ(TranscribeInstruction("French", "German"),
            "Transcribe the following speech segment in French, then translate it into German. "
            "When formatting the answer, first output the transcription in French, then one "
            "newline, then output the string 'German: ', then the translation in German.");
}

TEST(TranscribeInstruction, TranslatesWhatNobodyNamed) {
  EXPECT_TRUE(TranscribeInstruction("", "English")
                  .starts_with("Transcribe the following speech segment in its original language, "
                               "then translate it into English."));
}

TEST(TranslationIn, IsWhatStandsBehindItsMark) {
  EXPECT_EQ(TranslationIn("Guten Tag.\nEnglish: Good day.", "English"), "Good day.");
  EXPECT_EQ(TranslationIn("English: Good day.", "English"), "Good day.");
  EXPECT_EQ(TranslationIn("Auf English: so.\nEnglish: In English: so.", "English"),
            "In English: so.");
  EXPECT_EQ(TranslationIn("Good day.", "English"), "Good day.");
  EXPECT_EQ(TranslationIn("Hm.\nEnglish:", "English"), "");
  EXPECT_EQ(TranslationIn("", "English"), "");
}

}  // namespace
}  // namespace carat
