// /v1/carat/presets: settings of conversations under a name, of the key that asks.
//   GET             {"presets": [{"name", "settings"}]}, by their names
//   POST            {"name", "settings"}, in place of one of that name
//   DELETE ?name=N
// /v1/carat/backup
//   POST            {"folder"}: a copy of the conversations of all keys, in a new folder inside the
//                   history's, which whoever asked moves to where it is wanted at once (else the
//                   next deletion or copy removes it); for a key that manages, a page's token does
//                   not do
#pragma once

#include "api/api.h"

namespace carat {

void ListPresets(Api& api, Call& call);
void KeepPreset(Api& api, Call& call);
void DropPreset(Api& api, Call& call);
void BackupHistory(Api& api, Call& call);

}  // namespace carat
