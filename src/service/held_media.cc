#include "service/held_media.h"

namespace carat {

Status HeldMedia::Grow(Share& share, size_t bytes) const {
  size_t all = *held_;
  do {
    if (all > share.bytes_ && all + bytes > most_bytes_) {
      return Fail({.code = ErrorCode::kBusy,
                   .what = "requests before this hold as much media as carat keeps at one time",
                   .wanted = "another try later"});
    }
  } while (!held_->compare_exchange_weak(all, all + bytes));
  share.bytes_ += bytes;
  return {};
}

}  // namespace carat
