// What is said in a recording, beside its waveform.
import { useEffect, useRef, useState } from "preact/hooks"
import { events } from "../api"
import { download, plain } from "../plain"
import { attempt, draft, transcribed, type Recording } from "../state"

interface Segment {
  start: number
  end: number
  text: string
}

const kColumns = 400 // of the waveform
const kMaxDecoded = 64 * 1024 * 1024 // bytes of a file that is drawn, all of it at once; larger ones the server does not take

// hh:mm:ss, with the fraction behind `point` where one is given.
function clock(seconds: number, point = ""): string {
  const whole = Math.floor(seconds)
  const two = (n: number) => String(n).padStart(2, "0")
  const time = `${two(Math.floor(whole / 3600))}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`
  if (point === "") return whole < 3600 ? time.slice(3) : time
  return time + point + String(Math.floor((seconds - whole) * 1000)).padStart(3, "0")
}

function srt(segments: readonly Segment[]): string {
  return segments.map((one, i) => `${i + 1}\n${clock(one.start, ",")} --> ${clock(one.end, ",")}\n${one.text}\n`).join("\n")
}

function vtt(segments: readonly Segment[]): string {
  return "WEBVTT\n\n" + segments.map((one) => `${clock(one.start, ".")} --> ${clock(one.end, ".")}\n${one.text}\n`).join("\n")
}

// The loudest sample of each column, 0 to 1, and its length. Null where the browser can't decode it.
async function shapeOf(sound: Blob): Promise<{ peaks: number[]; seconds: number } | null> {
  if (sound.size > kMaxDecoded) return null
  try {
    const context = new OfflineAudioContext(1, 1, 16_000)
    const decoded = await context.decodeAudioData(await sound.arrayBuffer())
    const samples = decoded.getChannelData(0)
    const step = Math.max(1, samples.length / kColumns)
    const peaks = Array.from({ length: kColumns }, (_, column) => {
      let peak = 0
      const end = Math.min(samples.length, Math.floor((column + 1) * step))
      for (let i = Math.floor(column * step); i < end; ++i) peak = Math.max(peak, Math.abs(samples[i] as number))
      return peak
    })
    return { peaks, seconds: decoded.duration }
  } catch {
    return null
  }
}

function Waveform({ peaks, at, length, onSeek }: { peaks: number[]; at: number; length: number; onSeek: (seconds: number) => void }) {
  const most = Math.max(0.01, ...peaks)
  const path = peaks.map((peak, x) => `M${x + 0.5} ${30 - (peak / most) * 28}V${30 + (peak / most) * 28}`).join("")
  return (
    <div class="waveform" role="slider" tabIndex={0} aria-label="Place in the recording"
      aria-valuemin={0} aria-valuemax={Math.round(length)} aria-valuenow={Math.round(at)} aria-valuetext={clock(at)}
      onClick={(event) => {
        const box = event.currentTarget.getBoundingClientRect()
        onSeek(((event.clientX - box.left) / box.width) * length)
      }}
      onKeyDown={(event) => {
        const step = event.key === "ArrowRight" ? 2 : event.key === "ArrowLeft" ? -2 : 0
        if (step === 0) return
        event.preventDefault()
        onSeek(Math.max(0, Math.min(length, at + step)))
      }}>
      <svg viewBox={`0 0 ${kColumns} 60`} preserveAspectRatio="none" aria-hidden="true">
        <path d={path} stroke="currentColor" stroke-width="0.8" fill="none" />
        {length > 0 && <line class="place" x1={(at / length) * kColumns} x2={(at / length) * kColumns} y1="0" y2="60" />}
      </svg>
    </div>
  )
}

interface Told {
  type: string
  delta?: string
  start?: number
  end?: number
  text?: string
}

export function Transcript({ recording }: { recording: Recording }) {
  const [segments, setSegments] = useState<Segment[]>([])
  const [coming, setComing] = useState("") // of the piece that is being written
  const [state, setState] = useState<"coming" | "whole" | "broken">("coming")
  const [peaks, setPeaks] = useState<number[]>([])
  const [url, setUrl] = useState("")
  const [at, setAt] = useState(0)
  const [length, setLength] = useState(0)
  const player = useRef<HTMLAudioElement>(null)
  const list = useRef<HTMLOListElement>(null)
  // What is written last is seen, unless one reads further up.
  useEffect(() => {
    const box = list.current
    if (box !== null && box.scrollTop + box.clientHeight > box.scrollHeight - 80) box.scrollTop = box.scrollHeight
  }, [segments.length])

  useEffect(() => {
    const controller = new AbortController()
    const address = URL.createObjectURL(recording.sound)
    setUrl(address)
    setSegments([])
    setComing("")
    setState("coming")
    setAt(0)
    setLength(0)
    setPeaks([])
    void shapeOf(recording.sound).then((shape) => {
      if (shape === null || controller.signal.aborted) return
      setPeaks(shape.peaks)
      setLength(shape.seconds)
    })
    const form = new FormData()
    form.set("file", recording.sound, "recording")
    form.set("response_format", "verbose_json")
    form.set("stream", "true")
    let whole = false
    void attempt(async () => {
      for await (const event of events("/v1/audio/transcriptions", controller.signal, form)) {
        const told = JSON.parse(event.data) as Told & { error?: { message: string } }
        if (told.error !== undefined) throw new Error(told.error.message)
        if (told.type === "transcript.text.delta") setComing((text) => text + (told.delta ?? ""))
        if (told.type === "transcript.text.done") whole = true
        if (told.type !== "transcript.text.segment") continue
        setComing("")
        setSegments((all) => [...all, { start: told.start ?? 0, end: told.end ?? 0, text: told.text ?? "" }])
      }
      if (!whole) throw new Error("The server ended before all of it was written down.")
    }).then(() => {
      if (!controller.signal.aborted) setState(whole ? "whole" : "broken")
    })
    return () => {
      controller.abort()
      URL.revokeObjectURL(address)
    }
  }, [recording])

  const seek = (seconds: number) => {
    if (player.current === null) return
    player.current.currentTime = seconds
    setAt(seconds)
  }
  const listen = (seconds: number) => {
    seek(seconds)
    void player.current?.play()
  }
  const text = segments.map((one) => one.text).join(" ")
  const name = recording.name.replace(/\.\w{1,5}$/, "")
  const close = () => (transcribed.value = null)
  return (
    <section class="transcript" aria-label="Transcript" onKeyDown={(event) => {
      if (event.key !== "Escape") return
      event.stopPropagation() // it stops no answer
      close()
    }}>
      <header>
        <h2 dir="auto">{plain(recording.name)}</h2>
        <span role="status">{state === "coming" ? "Writing it down …" : state === "broken" ? "This is not all of it." : ""}</span>
        <button disabled={state === "coming" || text === ""} onClick={() => download(`${name}.srt`, "application/x-subrip", srt(segments))}>SRT</button>
        <button disabled={state === "coming" || text === ""} onClick={() => download(`${name}.vtt`, "text/vtt", vtt(segments))}>VTT</button>
        <button disabled={text === ""} onClick={() => void navigator.clipboard.writeText(text)}>Copy</button>
        <button disabled={text === ""} onClick={() => (draft.value = draft.value === "" ? text : `${draft.value}\n${text}`)}>Put into the message</button>
        <button onClick={close}>Close</button>
      </header>
      {peaks.length > 0 && <Waveform peaks={peaks} at={at} length={length} onSeek={seek} />}
      {url !== "" && <audio ref={player} src={url} controls aria-label={plain(recording.name)}
        onTimeUpdate={(event) => setAt(event.currentTarget.currentTime)} />}
      <ol ref={list}>
        {segments.map((one, index) => (
          <li key={index} class={at >= one.start && at < one.end ? "now" : ""}>
            <button onClick={() => listen(one.start)}><span class="time">{clock(one.start)}</span> <span dir="auto">{plain(one.text)}</span></button>
          </li>
        ))}
      </ol>
      {coming !== "" && <p class="plain" dir="auto">{plain(coming)}</p>}
      {state === "whole" && text === "" && <p class="note">Nothing is said in it.</p>}
    </section>
  )
}
