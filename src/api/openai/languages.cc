#include "api/openai/languages.h"

#include <algorithm>
#include <utility>

namespace carat {
namespace {

// ISO 639-1, the languages that speech recognisers are asked for.
constexpr std::pair<std::string_view, std::string_view> kLanguages[] = {
    {"af", "Afrikaans"},     {"am", "Amharic"},        {"ar", "Arabic"},
    {"as", "Assamese"},      {"az", "Azerbaijani"},    {"ba", "Bashkir"},
    {"be", "Belarusian"},    {"bg", "Bulgarian"},      {"bn", "Bengali"},
    {"bo", "Tibetan"},       {"br", "Breton"},         {"bs", "Bosnian"},
    {"ca", "Catalan"},       {"cs", "Czech"},          {"cy", "Welsh"},
    {"da", "Danish"},        {"de", "German"},         {"el", "Greek"},
    {"en", "English"},       {"eo", "Esperanto"},      {"es", "Spanish"},
    {"et", "Estonian"},      {"eu", "Basque"},         {"fa", "Persian"},
    {"fi", "Finnish"},       {"fo", "Faroese"},        {"fr", "French"},
    {"ga", "Irish"},         {"gl", "Galician"},       {"gu", "Gujarati"},
    {"ha", "Hausa"},         {"he", "Hebrew"},         {"hi", "Hindi"},
    {"hr", "Croatian"},      {"ht", "Haitian Creole"}, {"hu", "Hungarian"},
    {"hy", "Armenian"},      {"id", "Indonesian"},     {"ig", "Igbo"},
    {"is", "Icelandic"},     {"it", "Italian"},        {"ja", "Japanese"},
    {"jv", "Javanese"},      {"ka", "Georgian"},       {"kk", "Kazakh"},
    {"km", "Khmer"},         {"kn", "Kannada"},        {"ko", "Korean"},
    {"ku", "Kurdish"},       {"ky", "Kyrgyz"},         {"la", "Latin"},
    {"lb", "Luxembourgish"}, {"ln", "Lingala"},        {"lo", "Lao"},
    {"lt", "Lithuanian"},    {"lv", "Latvian"},        {"mg", "Malagasy"},
    {"mi", "Maori"},         {"mk", "Macedonian"},     {"ml", "Malayalam"},
    {"mn", "Mongolian"},     {"mr", "Marathi"},        {"ms", "Malay"},
    {"mt", "Maltese"},       {"my", "Burmese"},        {"nb", "Norwegian Bokmål"},
    {"ne", "Nepali"},        {"nl", "Dutch"},          {"nn", "Norwegian Nynorsk"},
    {"no", "Norwegian"},     {"oc", "Occitan"},        {"or", "Odia"},
    {"pa", "Punjabi"},       {"pl", "Polish"},         {"ps", "Pashto"},
    {"pt", "Portuguese"},    {"ro", "Romanian"},       {"ru", "Russian"},
    {"sa", "Sanskrit"},      {"sd", "Sindhi"},         {"si", "Sinhala"},
    {"sk", "Slovak"},        {"sl", "Slovenian"},      {"sn", "Shona"},
    {"so", "Somali"},        {"sq", "Albanian"},       {"sr", "Serbian"},
    {"su", "Sundanese"},     {"sv", "Swedish"},        {"sw", "Swahili"},
    {"ta", "Tamil"},         {"te", "Telugu"},         {"tg", "Tajik"},
    {"th", "Thai"},          {"tk", "Turkmen"},        {"tl", "Tagalog"},
    {"tr", "Turkish"},       {"tt", "Tatar"},          {"ug", "Uyghur"},
    {"uk", "Ukrainian"},     {"ur", "Urdu"},           {"uz", "Uzbek"},
    {"vi", "Vietnamese"},    {"wo", "Wolof"},          {"xh", "Xhosa"},
    {"yi", "Yiddish"},       {"yo", "Yoruba"},         {"zh", "Chinese"},
    {"zu", "Zulu"},
};

bool SameText(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

std::optional<std::string_view> LanguageName(std::string_view text) {
  for (const auto& [code, name] : kLanguages)
    if (SameText(text, code) || SameText(text, name)) return name;
  return std::nullopt;
}

}  // namespace carat
