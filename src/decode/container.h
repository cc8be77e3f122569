// A container on descriptor 0 and the frames of its streams, by FFmpeg's libraries.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "media/file_type.h"

namespace carat::decode {

// Called often while a file is read, with the share of it that was passed (0 to 1).
using Progress = std::function<void(double share)>;

struct FreeFormat {
  void operator()(AVFormatContext* p) const { avformat_close_input(&p); }
};
struct FreeIo {
  void operator()(AVIOContext* p) const {
    av_freep(static_cast<void*>(&p->buffer));
    avio_context_free(&p);
  }
};
struct FreeCodec {
  void operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
};
struct FreePacket {
  void operator()(AVPacket* p) const { av_packet_free(&p); }
};
struct FreeFrame {
  void operator()(AVFrame* p) const { av_frame_free(&p); }
};
using CodecPtr = std::unique_ptr<AVCodecContext, FreeCodec>;
using PacketPtr = std::unique_ptr<AVPacket, FreePacket>;
using FramePtr = std::unique_ptr<AVFrame, FreeFrame>;

// A time or a duration of a stream.
inline double SecondsOf(int64_t ticks, const AVStream& stream) {
  return static_cast<double>(ticks) * av_q2d(stream.time_base);
}

// Opened with the one demuxer of its type and with no other decoder than those of the table in
// container.cc. One thread.
class Container {
 public:
  static Result<std::unique_ptr<Container>> Open(const FileTypeInfo& type, Progress progress);

  const AVFormatContext& format() const { return *format_; }
  const AVStream& stream(int index) const { return *format_->streams[index]; }
  // The best stream of pictures and of sound; -1: none. The cover of a record is no picture.
  int video() const { return video_; }
  int audio() const { return audio_; }

  // The next packet of this stream; false at the end of what can be read. Errors: kNoMemory.
  Result<bool> ReadPacket(int index, AVPacket& packet);
  // Whether of what was read since it was opened a packet is torn, or is preceded by what is none,
  // or nothing stands there for about a second, or reading ended before what the file announces. A
  // file that announces nothing, or that was cut where another could have ended, is taken as whole.
  bool damaged() const { return damaged_ || HasHole(); }
  // When the file ends by its own header, in seconds; 0: it does not say.
  double AnnouncedEnd() const;
  // From the key frame at this time of the stream, or one before it. False: it cannot be done.
  bool SeekBack(int index, int64_t time);
  // From the beginning again.
  Status Reopen();
  // strict: a damaged frame is an error, not a worse frame.
  Result<CodecPtr> OpenDecoder(int index, bool strict) const;

 private:
  // Where FFmpeg reads.
  struct Position {
    uint64_t at = 0;
    uint64_t size = 0;
    bool failed = false;  // there is more, but it cannot be read
  };

  Container(std::string demuxer, Progress progress)
      : demuxer_(std::move(demuxer)), progress_(std::move(progress)) {}
  void Note(const AVPacket& packet);
  bool EndsEarly() const;
  bool HasHole() const;
  static int ReadSome(void* opaque, uint8_t* out, int size);
  static int64_t SeekTo(void* opaque, int64_t offset, int whence);

  std::string demuxer_;
  Progress progress_;
  Position position_;
  std::unique_ptr<AVIOContext, FreeIo> io_;
  std::unique_ptr<AVFormatContext, FreeFormat> format_;
  int video_ = -1, audio_ = -1;
  bool damaged_ = false;
  double reached_ = 0;  // seconds: the latest end of what was read
  // Of one stream, in seconds.
  struct Track {
    double until = 0;
    std::vector<std::pair<double, double>> holes;
    void Add(double begin, double end);
  };
  Track heard_, seen_;
};

// The frames of one stream, one after the other.
class FrameReader {
 public:
  // Borrows the container.
  static Result<FrameReader> Create(Container& container, int stream, bool strict = false);

  // The next frame, until the next call; null at the end. A damaged part of a recording is passed
  // over, but a stream of which nothing comes out is broken.
  Result<const AVFrame*> Next();
  // Whether something between two frames was passed over, or a frame was mended.
  bool damaged() const { return damaged_; }
  // As Container::SeekBack.
  bool SeekBack(int64_t time);
  // From the beginning again.
  Status Restart();

 private:
  Status Failed(int error);
  bool HasLost() const;
  FrameReader(Container& container, int stream, bool strict)
      : container_(&container), stream_(stream), strict_(strict) {}

  Container* container_;
  int stream_;
  bool strict_;
  bool more_packets_ = true, any_ = false, damaged_ = false;
  bool begun_ = false;  // a frame came since the beginning or the last SeekBack
  int failures_ = 0;    // since the last frame
  int failed_ = 0;      // the last error
  CodecPtr decoder_;
  PacketPtr packet_{av_packet_alloc()};
  FramePtr frame_{av_frame_alloc()};
};

Error BrokenFile(int error);

}  // namespace carat::decode
