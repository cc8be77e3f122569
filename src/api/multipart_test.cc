#include "api/multipart.h"

#include <gtest/gtest.h>

namespace carat {
namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=XX";

std::string Part(const std::string& head, const std::string& data) {
  return "--XX\r\n" + head + "\r\n\r\n" + data + "\r\n";
}
std::string Field(const std::string& name, const std::string& data) {
  return Part("Content-Disposition: form-data; name=\"" + name + "\"", data);
}

std::string ErrorOf(std::string_view type, std::string_view body,
                    const MultipartLimits& limits = {}) {
  const auto parts = ParseMultipart(type, body, limits);
  return parts ? "" : parts.error().Message();
}

TEST(ParseMultipart, GivesFieldsAndFilesInOrder) {
  const std::string body =
      Field("model", "carat") +
      Part(
          "content-disposition: FORM-DATA; name=file; filename=\"a \\\"b\\\" %22c%22.wav\"\r\n"
          "Content-Type: audio/wav\r\nX-Other: 1",
          std::string("RIFF\0\r\n--X\r\n", 13)) +
      Field("include[]", "") + Field("include[]", "x") + "--XX--\r\n";
  const auto parts = ParseMultipart(kType, body);
  ASSERT_TRUE(parts.has_value()) << parts.error().Message();
  ASSERT_EQ(parts->size(), 4U);
  EXPECT_EQ((*parts)[0].name, "model");
  EXPECT_EQ((*parts)[0].data, "carat");
  EXPECT_FALSE((*parts)[0].filename.has_value());
  EXPECT_EQ((*parts)[1].name, "file");
  EXPECT_EQ((*parts)[1].filename, "a \"b\" \"c\".wav");
  EXPECT_EQ((*parts)[1].content_type, "audio/wav");
  EXPECT_EQ((*parts)[1].data, std::string_view("RIFF\0\r\n--X\r\n", 13));
  EXPECT_EQ((*parts)[2].data, "");
  EXPECT_EQ((*parts)[3].data, "x");
}

TEST(ParseMultipart, TakesBoundariesAsTheyAreWritten) {
  const std::string body = Field("a", "1") + "--XX--";
  for (const char* type :
       {"multipart/form-data; boundary=\"XX\"", "Multipart/Form-Data;boundary=XX",
        "multipart/form-data; charset=utf-8; boundary=XX ; q=\"a;b\""}) {
    EXPECT_EQ(ErrorOf(type, body), "") << type;
  }
  EXPECT_EQ(ErrorOf("multipart/form-data; boundary=\"a b\"",
                    "--a b\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n--a b--"),
            "");
  EXPECT_TRUE(ParseMultipart(kType, "--XX--\r\n")->empty());
}

TEST(ParseMultipart, RefusesContentTypes) {
  for (const char* type :
       {"", "application/json", "multipart/form-data", "multipart/mixed; boundary=XX",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=\"X",
        "multipart/form-data;", "multipart/form-data; boundary=XX; boundary=YY",
        "multipart/form-data; boundary=\"X \"", "multipart/form-data; boundary=\"X\x01\"",
        "multipart/form-data; boundary"}) {
    EXPECT_TRUE(ErrorOf(type, "--XX--").starts_with("Content-Type: ")) << type;
  }
  const std::string longest(71, 'a');
  EXPECT_NE(ErrorOf("multipart/form-data; boundary=" + longest, "--" + longest + "--"), "");
}

TEST(ParseMultipart, RefusesBrokenBodies) {
  const std::string good = Field("a", "1");
  const std::pair<std::string, std::string> cases[] = {
      {"", "begin with its boundary"},
      {"text\r\n" + good + "--XX--", "begin with its boundary"},
      {good, "without its last boundary"},
      {"--XX\r\n", "no end of the header lines"},
      {good + "--XX", "no line end behind a boundary"},
      {good + "--XXX--", "no line end behind a boundary"},
      {good + "--XX--more", "more behind its last boundary"},
      {"--XX\nContent-Disposition: form-data; name=a\n\n1\n--XX--", "no line end"},
      {"--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n1", "without its last boundary"},
      {Part("Content-Disposition: form-data", "") + "--XX--", "without a name"},
      {Part("Content-Disposition: form-data; name=\"\"", "") + "--XX--", "without a name"},
      {Part("Content-Disposition: attachment; name=a", "") + "--XX--", "wrong disposition"},
      {Part("Content-Disposition: form-data; name=a; name=b", "") + "--XX--", "two of name"},
      {Part("Content-Disposition: form-data; name=a; filename=x; filename=y", "") + "--XX--",
       "two of filename"},
      {Part("Content-Disposition: form-data; name=\"a", "") + "--XX--", "no parameter"},
      {Part("Content-Disposition: form-data; name=\"a\" b", "") + "--XX--", "no parameter"},
      {Part("Content-Disposition: form-data; name=\"\xff\"", "") + "--XX--", "no UTF-8"},
      {Part("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b",
            "") +
           "--XX--",
       "two dispositions"},
      {Part("Content-Type: text/plain", "") + "--XX--", "missing"},
      {Part("no header", "") + "--XX--", "not a header line"},
      {Part(": x", "") + "--XX--", "not a header line"},
      {Part(std::string("A: \0", 4), "") + "--XX--", "a control character"},
      {Part("A: b\nContent-Disposition: form-data; name=a", "") + "--XX--", "a control character"},
      {Part("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64", "") +
           "--XX--",
       "an encoded part"},
  };
  for (const auto& [body, wanted] : cases) {
    EXPECT_TRUE(ErrorOf(kType, body).contains(wanted)) << body << "\n" << ErrorOf(kType, body);
  }
}

TEST(ParseMultipart, IsBounded) {
  const MultipartLimits limits{.max_parts = 2, .max_head_bytes = 60};
  const std::string two = Field("a", "1") + Field("b", "2");
  EXPECT_EQ(ErrorOf(kType, two + "--XX--", limits), "");
  EXPECT_TRUE(ErrorOf(kType, two + Field("c", "") + "--XX--", limits).contains("too many parts"));
  EXPECT_TRUE(ErrorOf(kType, Field(std::string(60, 'n'), "") + "--XX--", limits)
                  .contains("an empty line within 60 bytes"));
}

}  // namespace
}  // namespace carat
