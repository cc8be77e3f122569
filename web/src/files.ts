// What is dropped, pasted, picked or recorded, as parts of a question.
import { api } from "./api"
import type { Part } from "./types"

export interface Attachment {
  key: number
  name: string
  part: Part
  url: string | null // to look at or listen to
}

const kMaxText = 400_000
const kTextNames = /\.(txt|md|csv|tsv|json|jsonl|xml|html|css|js|ts|tsx|jsx|py|c|cc|cpp|h|hpp|rs|go|java|kt|rb|sh|sql|toml|ini|yaml|yml|log|tex|diff|patch)$/i

let keys = 0

// Throws an Error that says by name what can't be read.
export async function attach(file: File): Promise<Attachment> {
  const isText = file.type.startsWith("text/") || file.type === "application/json" || kTextNames.test(file.name)
  if (isText) {
    if (file.size > kMaxText) throw new Error(`${file.name} is too long: at most ${kMaxText} bytes of text.`)
    const text = await file.text()
    if (text.includes("\0")) throw new Error(`${file.name} is no text.`)
    return { key: ++keys, name: file.name, part: { type: "text", name: file.name, text }, url: null }
  }
  let kept
  try {
    kept = await api.keep(file)
  } catch (error) {
    throw new Error(`${file.name} can't be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  // A recording of a browser is a film without pictures.
  const type = file.type.startsWith("audio/") || kept.type.startsWith("audio/") ? "audio"
    : kept.type.startsWith("video/") ? "video" : "image"
  return {
    key: ++keys,
    name: file.name,
    part: { type, media: kept.media, name: file.name },
    url: URL.createObjectURL(file),
  }
}

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
  await context.audioWorklet.addModule("/recorder.js")
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
      for (const track of stream.getTracks()) track.stop()
      await context.close()
      return new File([wav(blocks)], `recording ${new Date().toLocaleTimeString()}`, { type: "audio/wav" })
    },
  }
}
