// FairPlaces: a few places at something costly, which no owner may have all of.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "base/result.h"

namespace carat {

// Thread-safe. Must outlive its places.
class FairPlaces {
 public:
  // `shared`: there are several owners; then none has the last place that others would need.
  FairPlaces(size_t places, bool shared) : places_(places), shared_(shared) {}

  class Place {
   public:
    Place(Place&& other) noexcept;
    Place& operator=(Place&&) = delete;
    ~Place();

   private:
    friend class FairPlaces;
    Place(FairPlaces& of, std::string owner) : of_(&of), owner_(std::move(owner)) {}
    FairPlaces* of_;  // null: moved from
    std::string owner_;
  };
  // Waits for one. `goes_on` is asked ten times a second, and may be empty; false ends the waiting
  // with kCancelled.
  Result<Place> Wait(const std::string& owner, const std::function<bool(double)>& goes_on);

 private:
  const size_t places_;
  const bool shared_;
  std::mutex mutex_;
  std::condition_variable free_;
  size_t taken_ = 0;
  std::map<std::string, size_t> owners_;  // how many each has
};

}  // namespace carat
