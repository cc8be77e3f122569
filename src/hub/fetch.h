// The transport of one file: segments over several connections into a PartFile.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "hub/answers.h"
#include "hub/client.h"
#include "hub/http.h"
#include "hub/part_file.h"

namespace carat {

// Borrows everything it is made of, for its own life. One owner thread.
class Fetch {
 public:
  struct Parts {
    const HubOptions& options;
    const Home& home;
    HttpPool& pool;
    const RemoteFile& file;
    PartFile& part;
    const DownloadWatch& watch;
  };
  explicit Fetch(const Parts& parts) : p_(parts) {}
  Fetch(const Fetch&) = delete;
  Fetch& operator=(const Fetch&) = delete;
  ~Fetch();  // ends what runs

  // Until the part is complete. Whatever the outcome, what came is saved.
  Status Run();
  uint64_t bytes_fetched() const { return bytes_fetched_; }

 private:
  // One connection's work: a segment, asked for until it is complete.
  struct Lane {
    size_t segment_idx = 0;
    Hop hop;
    Patience patience;
    uint64_t most_done = 0;  // of the segment, ever
    bool known_address = false;
    double not_before = 0;
    int exchange = 0;  // 0: none runs
    std::optional<Error> refusal = {};
    bool ignores_ranges = false;
  };

  Status Work();
  void OpenLanes();
  void Begin(Lane& lane);
  BodyUse OnHeader(Lane& lane, std::optional<ByteRange> range, int status,
                   const HeaderFields& headers);
  bool OnBody(Lane& lane, std::span<const std::byte> bytes);
  Status OnEnd(const HttpResult& result);
  Status OnRedirect(Lane& lane, const HttpResult& result);
  Status OnFailure(Lane& lane, const HttpResult& result);
  Status UseOneStream();
  Status Report();
  Status SaveNowAndThen();
  Hop Start() const;

  Parts p_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::optional<Url> address_;  // signed, elsewhere, that redirects led to; may expire
  bool proven_ = false;         // a body was accepted: more than one lane makes sense
  bool one_stream_ = false;     // the server does not know ranges
  double paused_until_ = 0;     // it gets too many requests
  double next_report_ = 0, next_save_ = 0;
  uint64_t bytes_fetched_ = 0;
};

// Whether the answer to a request for `range` (or for the whole file) is what it must be: the error
// says what is not. Status 200 to a range is not judged here.
Status CheckBodyHeader(const RemoteFile& file, std::optional<ByteRange> range, int status,
                       const HeaderFields& headers);

}  // namespace carat
