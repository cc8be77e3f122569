// The microphone.

const kSampleRate = 16_000 // of the model

// Mono samples as a WAV file of 16 bits.
function wav(blocks: Float32Array[]): Blob {
  const count = blocks.reduce((sum, block) => sum + block.length, 0)
  const view = new DataView(new ArrayBuffer(44 + 2 * count))
  const text = (at: number, letters: string) => [...letters].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)))
  text(0, "RIFF")
  view.setUint32(4, 36 + 2 * count, true)
  text(8, "WAVEfmt ")
  view.setUint32(16, 16, true)
  view.setUint16(20, 1, true) // PCM
  view.setUint16(22, 1, true) // channels
  view.setUint32(24, kSampleRate, true)
  view.setUint32(28, 2 * kSampleRate, true)
  view.setUint16(32, 2, true)
  view.setUint16(34, 16, true)
  text(36, "data")
  view.setUint32(40, 2 * count, true)
  let at = 44
  for (const block of blocks) {
    for (const sample of block) {
      view.setInt16(at, Math.max(-1, Math.min(1, sample)) * 32767, true)
      at += 2
    }
  }
  return new Blob([view], { type: "audio/wav" })
}

// Records until stop() is called: raw sound at the model's own rate, as nobody's codec has changed it.
// `level` gets loudness from 0 to 1.
export async function record(level: (loudness: number) => void): Promise<{ stop: () => Promise<File> }> {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: true },
  })
  const context = new AudioContext({ sampleRate: kSampleRate })
  const end = async () => {
    for (const track of stream.getTracks()) track.stop()
    await context.close()
  }
  try {
    await context.audioWorklet.addModule("/recorder.js")
  } catch (error) {
    await end()
    throw error
  }
  const node = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0, channelCount: 1 })
  const blocks: Float32Array[] = []
  let loudness = 0
  node.port.onmessage = ({ data }: MessageEvent<Float32Array>) => {
    blocks.push(data)
    let sum = 0
    for (const sample of data) sum += sample * sample
    loudness = Math.max(0.9 * loudness, Math.min(1, Math.sqrt(sum / data.length) * 4))
  }
  context.createMediaStreamSource(stream).connect(node)
  const timer = setInterval(() => level(loudness), 60)
  return {
    stop: async () => {
      clearInterval(timer)
      await end()
      return new File([wav(blocks)], `recording ${new Date().toLocaleTimeString()}`, { type: "audio/wav" })
    },
  }
}
