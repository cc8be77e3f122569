#include "hub/catalogue.h"

#include <algorithm>

#include "base/utf8.h"

namespace carat {
namespace {

constexpr std::string_view kGoogleQat = "google/gemma-4-12B-it-qat-q4_0-gguf";
constexpr std::string_view kUnslothQat = "unsloth/gemma-4-12B-it-qat-GGUF";
constexpr std::string_view kUnsloth = "unsloth/gemma-4-12b-it-GGUF";

// Sizes as the repositories had them in November 2026; the hub's answer is what counts.
constexpr CatalogueFile kEmbedders = {
    FileRole::kEmbedders, kUnsloth, "mmproj-BF16.gguf", "main", "mmproj-gemma-4-12b-it-BF16.gguf",
    175'115'840};
constexpr CatalogueFile kDrafter = {
    FileRole::kDrafter,        kUnsloth,   "MTP/mtp-gemma-4-12b-it.gguf", "main",
    "mtp-gemma-4-12b-it.gguf", 465'109'248};

constexpr CatalogueFile kQat[] = {
    {FileRole::kText, kGoogleQat, "gemma-4-12b-it-qat-q4_0.gguf", "main",
     "gemma-4-12b-it-qat-q4_0.gguf", 6'975'879'296},
    {FileRole::kEmbedders, kGoogleQat, "mmproj-gemma-4-12b-it-qat-q4_0.gguf", "main",
     "mmproj-gemma-4-12b-it-qat-q4_0.gguf", 175'115'616},
    // Trained beside the QAT model: another drafter's guesses are kept less often.
    {FileRole::kDrafter, kUnslothQat, "mtp-gemma-4-12B-it.gguf", "main",
     "mtp-gemma-4-12b-it-qat.gguf", 253'708'800}};
constexpr CatalogueFile kQ4KM[] = {{FileRole::kText, kUnsloth, "gemma-4-12b-it-Q4_K_M.gguf", "main",
                                    "gemma-4-12b-it-Q4_K_M.gguf", 0},
                                   kEmbedders,
                                   kDrafter};
constexpr CatalogueFile kQ8[] = {{FileRole::kText, kUnsloth, "gemma-4-12b-it-Q8_0.gguf", "main",
                                  "gemma-4-12b-it-Q8_0.gguf", 12'669'646'240},
                                 kEmbedders,
                                 kDrafter};
constexpr CatalogueFile kBf16[] = {
    {FileRole::kText, kUnsloth, "gemma-4-12b-it-BF16.gguf", "main", "gemma-4-12b-it-BF16.gguf", 0},
    kEmbedders,
    kDrafter};

constexpr CatalogueEntry kCatalogue[] = {
    {"gemma-4-12b", "qat", "4 bits, trained for them by Google; the one to begin with", kQat},
    {"gemma-4-12b", "q4_k_m", "4 bits, rounded afterwards", kQ4KM},
    {"gemma-4-12b", "q8_0", "8 bits, hardly to be told from the original", kQ8},
    {"gemma-4-12b", "bf16", "the original's 16 bits, for comparing", kBf16}};

bool IsWord(std::string_view text) {
  const auto simple = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 64 && simple(text[0]) &&
         std::ranges::all_of(text,
                             [&](char c) { return simple(c) || c == '.' || c == '_' || c == '-'; });
}

}  // namespace

std::string_view ToString(FileRole role) {
  switch (role) {
    case FileRole::kText:
      return "text";
    case FileRole::kEmbedders:
      return "embedders";
    case FileRole::kDrafter:
      return "drafter";
  }
  return "";
}

std::string CatalogueEntry::FullName() const { return std::string(name) + ":" + std::string(tag); }

uint64_t CatalogueEntry::size() const {
  uint64_t sum = 0;
  for (const CatalogueFile& file : files) {
    if (file.size == 0) return 0;
    sum += file.size;
  }
  return sum;
}

std::span<const CatalogueEntry> Catalogue() { return kCatalogue; }

Status CheckModelName(std::string_view text) {
  const size_t colon = text.find(':');
  const bool tagged = colon != std::string_view::npos;
  if (IsWord(text.substr(0, colon)) && (!tagged || IsWord(text.substr(colon + 1)))) return {};
  return Fail({.what = "this is no model name",
               .wanted = "NAME or NAME:TAG of small letters, digits, '.', '_' and '-'",
               .found = Quoted(text)});
}

const CatalogueEntry* FindInCatalogue(std::string_view text) {
  if (!CheckModelName(text)) return nullptr;
  const size_t colon = text.find(':');
  for (const CatalogueEntry& entry : kCatalogue) {
    if (entry.name != text.substr(0, colon)) continue;
    if (colon == std::string_view::npos || entry.tag == text.substr(colon + 1)) return &entry;
  }
  return nullptr;
}

}  // namespace carat
