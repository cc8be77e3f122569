// What a media file may ask for. Larger is refused before it is decoded.
#pragma once

#include <cstddef>
#include <cstdint>

namespace carat {

// The largest file that is looked at: an hour of high-definition film.
inline constexpr uint64_t kMaxFileBytes = uint64_t{8} << 30;
// Of a picture or a frame: more than any camera gives, and 300 MB as pixels.
inline constexpr uint64_t kMaxPixels = 100'000'000;
// Of a side: JPEG's own limit.
inline constexpr uint32_t kMaxSide = 65'535;
// Of all sound behind the decoder, samples per second (gemma4-12b specification, section 6).
inline constexpr int kSampleRate = 16'000;
// Of a picture's file: a hundred million pixels hardly compressed.
inline constexpr uint64_t kMaxPictureBytes = uint64_t{256} << 20;
// Of sound: a day, 11 million frames of the model.
inline constexpr uint64_t kMaxSoundSeconds = uint64_t{24} * 3600;
// Channels of sound: more than any format that is listened to.
inline constexpr int kMaxChannels = 64;
inline constexpr int kMaxSampleRate = 768'000;
inline constexpr int kMinSampleRate = 1'000;
// Frames that a film is asked for.
inline constexpr int64_t kMaxVideoFrames = 1'000;
// Frames that a film has: a day at 120 a second.
inline constexpr int64_t kMaxFilmFrames = 10'500'000;

// The decoder's process.
inline constexpr uint64_t kDecoderMemory = uint64_t{2} << 30;  // address space, code included
inline constexpr uint64_t kDecoderPictureSeconds = 30;         // of processor time
inline constexpr uint64_t kDecoderStreamSeconds = 3600;        // likewise, of sound and film
inline constexpr int kDecoderSilenceMs = 30'000;               // without a message: it hangs
inline constexpr int kDecoderPictureWaitMs = 60'000;    // that its caller waits for it in all
inline constexpr int kDecoderStreamWaitMs = 7'200'000;  // likewise, for sound and film
inline constexpr int kMaxDecoders = 2;                  // at once

}  // namespace carat
