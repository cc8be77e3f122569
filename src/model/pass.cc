#include "model/pass.h"

#include <algorithm>

namespace carat {

void AddSeen(const Pass& pass, Pos first, Pos window, std::vector<KeyRange>& all) {
  const size_t before = all.size();
  all.resize(before + pass.ids.size());
  const std::span<KeyRange> seen = std::span(all).subspan(before);
  for (size_t t = 0; t < seen.size(); ++t) {
    const Pos query = first + static_cast<Pos>(t);
    seen[t] = {window > 0 ? std::max<Pos>(0, query - window + 1) : 0, query + 1};
  }
  const bool literal = pass.mask == BlockMask::kLiteral;
  for (const SoftRun& run : pass.soft) {
    if (!run.is_block || (window == 0 && !literal)) continue;
    const Pos begin = first + static_cast<Pos>(run.at);
    for (size_t t = run.at; t < run.at + run.count; ++t) {
      seen[t].end = begin + static_cast<Pos>(run.count);
      if (literal) seen[t].begin = std::min(seen[t].begin, begin);
    }
  }
}

}  // namespace carat
