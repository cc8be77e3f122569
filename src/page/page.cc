#include "page/page.h"

#include <string_view>
#include <utility>

// Bytes of a file between two symbols, by the assembler: no copy of them in C++.
#define CARAT_PAGE_FILE(symbol, name)                                  \
  __asm__(                                                             \
      ".pushsection .rodata\n"                                         \
      ".global carat_page_" #symbol "\n.global carat_page_" #symbol    \
      "_end\n"                                                         \
      "carat_page_" #symbol ":\n.incbin \"" CARAT_PAGE_FOLDER "/" name \
      "\"\n"                                                           \
      "carat_page_" #symbol "_end:\n.byte 0\n.popsection\n");          \
  extern "C" const char carat_page_##symbol[], carat_page_##symbol##_end[]; /* NOLINT */
#include <page_files.inc>
#undef CARAT_PAGE_FILE

namespace carat {
namespace {

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types dompurify carat";

std::string TypeOf(std::string_view name) {
  const std::pair<std::string_view, std::string_view> types[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".txt", "text/plain; charset=utf-8"}};
  for (const auto& [ending, type] : types)
    if (name.ends_with(ending)) return std::string(type);
  return "application/octet-stream";
}

void Add(std::map<std::string, net::Reply>& files, const std::string& name, const char* begin,
         const char* end) {
  const net::Reply reply{
      .content_type = TypeOf(name),
      .body = std::string(begin, end),
      .fields = {{"content-security-policy", std::string(kPolicy)},
                 {"permissions-policy", "microphone=(self), camera=(self), geolocation=()"},
                 {"cache-control", "no-cache"}}};
  if (name == "index.html") files["/"] = reply;
  files["/" + name] = reply;
}

}  // namespace

std::map<std::string, net::Reply> PageFiles() {
  std::map<std::string, net::Reply> files;
#define CARAT_PAGE_FILE(symbol, name) \
  Add(files, name, carat_page_##symbol, carat_page_##symbol##_end);
#include <page_files.inc>
#undef CARAT_PAGE_FILE
  return files;
}

}  // namespace carat
