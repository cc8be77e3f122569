// A pull that a client of the server asked for: `carat pull NAME` as a program of its own, so that
// the server itself opens no connection.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/api.h"
#include "base/result.h"

namespace carat {

// Thread-safe. One at a time.
class PullChild {
 public:
  PullChild();
  ~PullChild();  // ends it; the next pull goes on from there

  // kNotFound for a name that is not in the catalogue, kBusy while another is pulled.
  Status Start(const std::string& name);
  // The last one, or none.
  std::vector<ModelHooks::Pull> State() const;
  // What can be pulled, by the memory and disk that are free now.
  static std::vector<ModelHooks::Offer> Offers();

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

}  // namespace carat
