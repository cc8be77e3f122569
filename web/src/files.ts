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

// Records until stop() is called. `level` gets loudness from 0 to 1.
export async function record(level: (loudness: number) => void): Promise<{ stop: () => Promise<File> }> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true })
  const context = new AudioContext()
  const analyser = context.createAnalyser()
  context.createMediaStreamSource(stream).connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples)
    let sum = 0
    for (const sample of samples) sum += sample * sample
    level(Math.min(1, Math.sqrt(sum / samples.length) * 4))
  }, 60)
  const recorder = new MediaRecorder(stream)
  const pieces: Blob[] = []
  recorder.addEventListener("dataavailable", (event) => pieces.push(event.data))
  recorder.start()
  return {
    stop: () =>
      new Promise((resolve) => {
        recorder.addEventListener("stop", () => {
          clearInterval(timer)
          for (const track of stream.getTracks()) track.stop()
          void context.close()
          const time = new Date().toLocaleTimeString()
          resolve(new File(pieces, `recording ${time}`, { type: "audio/webm" }))
        })
        recorder.stop()
      }),
  }
}
