import { useEffect, useRef, useState } from "preact/hooks"
import { api, ApiError } from "../api"
import { attach, kMaxPages, partsOf, release, type Attachment, type Document } from "../files"
import { plain, wordsOf } from "../plain"
import { record } from "../recorder"
import { Camera } from "./Camera"
import { NumberField } from "./NumberField"
import { ask, attempt, branch, current, draft, lost, problem, sending, status, stop, transcribed, writing } from "../state"
import type { Part } from "../types"

const kBudgets = [70, 140, 280, 560, 1120]
const kHeld = 500 // ms: longer is push to talk
const kLeastSound = 44 + 6400 // bytes: a fifth of a second

function Detail({ attachment, onChange }: { attachment: Attachment; onChange: (parts: Part[]) => void }) {
  const first = attachment.parts[0]
  if (first?.type !== "image") return null
  return (
    <select aria-label={`Detail of ${attachment.name}`} value={String(first.budget ?? "")}
      onChange={(event) => {
        const budget = Number(event.currentTarget.value)
        onChange(attachment.parts.map((part) => {
          if (part.type !== "image") return part
          const { budget: _, ...rest } = part
          return budget === 0 ? rest : { ...rest, budget }
        }))
      }}>
      <option value="">detail by itself</option>
      {kBudgets.map((budget) => <option value={budget} key={budget}>at most {budget} tokens</option>)}
    </select>
  )
}

// How a PDF goes, and which of its pages.
function Pages({ name, document, onChange }: { name: string; document: Document; onChange: (document: Document) => void }) {
  // The page that is named counts; the other end follows where it has to.
  const within = (changed: Partial<Document>): Document => {
    const next = { ...document, ...changed }
    const page = (n: number) => Math.max(1, Math.min(document.pdf.pages, Math.round(n) || 1))
    const most = next.as === "pages" ? kMaxPages : document.pdf.pages
    const first = page(next.first)
    const last = page(next.last)
    if (changed.last !== undefined) return { ...next, last, first: Math.max(Math.min(first, last), last - most + 1) }
    return { ...next, first, last: Math.min(Math.max(first, last), first + most - 1) }
  }
  const number = (key: "first" | "last", label: string) => (
    <NumberField label={`${label} of ${name}`} min={1} max={document.pdf.pages} value={document[key]}
      onChange={(page) => onChange(within({ [key]: page ?? document[key] }))}
      onWrong={() => (problem.value = `${name}: pages go from 1 to ${document.pdf.pages}.`)} />
  )
  return (
    <>
      <select aria-label={`How ${name} goes`} value={document.as}
        onChange={(event) => onChange(within({ as: event.currentTarget.value as "text" }))}>
        <option value="text">as text</option>
        <option value="pages">as pictures</option>
      </select>
      <span class="pages">pages {number("first", "First page")} to {number("last", "Last page")} of {document.pdf.pages}</span>
    </>
  )
}

interface AttachedProps {
  one: Attachment
  onChange: (change: (now: Attachment) => Attachment) => void
  onGone: () => void
  while: <T>(work: () => Promise<T>) => Promise<T> // nothing is sent meanwhile
}

function Attached({ one, onChange, onGone, while: during }: AttachedProps) {
  // What a PDF is to become, while its pages are read: the newest wish counts.
  const [wish, setWish] = useState<Document | null>(null)
  const wanted = useRef<Document | null>(null)
  const gone = useRef(false)
  useEffect(() => () => void (gone.current = true), [])
  // What it takes of the context. What can't be read is told now, and not when it is asked about.
  useEffect(() => {
    let old = false
    void attempt(async () => {
      try {
        return await api.tokens(one.parts)
      } catch (error) {
        if (!(error instanceof ApiError) || error.status === 401) throw error
        // It may be here to be written down.
        if (error.code === "context_length_exceeded") return Number.POSITIVE_INFINITY
        throw new Error(`${one.name}: ${error.message}`)
      }
    }).then((tokens) => {
      if (!old) onChange((now) => ({ ...now, tokens: tokens ?? null }))
    })
    return () => (old = true)
  }, [one.parts, one.tokens === null && lost.value])
  const redo = async (document: Document) => {
    const running = wanted.current !== null
    wanted.current = document
    setWish(document)
    if (running) return
    await during(async () => {
      for (let next = wanted.current; next !== null; next = wanted.current) {
        const now = next
        try {
          const parts = await partsOf(one.name, now)
          if (wanted.current !== now) continue
          onChange((before) => ({ ...before, document: now, parts, tokens: null }))
        } catch (error) {
          if (wanted.current !== now && !gone.current) continue
          if (!gone.current) problem.value = `${one.name}: ${wordsOf(error)}`
        }
        wanted.current = null
      }
    })
    setWish(null)
  }
  const type = one.parts[0]?.type
  return (
    <li>
      {type === "image" && one.url !== null && <img src={one.url} alt="" />}
      {type === "video" && one.url !== null && <video src={one.url} muted aria-hidden="true" />}
      <span dir="auto">{plain(one.name)}</span>
      {one.document !== undefined && (
        <Pages name={one.name} document={wish ?? one.document} onChange={(document) => void redo(document)} />
      )}
      <Detail attachment={one} onChange={(parts) => onChange((now) => ({ ...now, parts, tokens: null }))} />
      {(type === "audio" || type === "video") && (
        <button type="button" onClick={() => (transcribed.value = { name: one.name, sound: one.file })}>Transcribe</button>
      )}
      <span class="cost">{wish !== null ? "…" : one.tokens === null ? "" : one.tokens === Number.POSITIVE_INFINITY ? "more than fits" : `${one.tokens} tokens`}</span>
      <button type="button" aria-label={`Leave out ${one.name}`} onClick={onGone}>×</button>
    </li>
  )
}

interface Recording {
  stop: () => Promise<File>
}

// Says something from click to click, or as long as it is held: then it goes at once.
function Microphone({ onRecorded }: { onRecorded: (file: File, held: boolean) => void }) {
  const [recording, setRecording] = useState<Recording | null>(null)
  const [level, setLevel] = useState(0)
  const running = useRef<Recording | null>(null)
  const starting = useRef(false)
  const cancelled = useRef(false)
  const pressed = useRef(false) // still
  const since = useRef(0) // when what is held began to record; 0: it was begun otherwise
  useEffect(() => () => void running.current?.stop(), [])

  const finish = async (held: boolean) => {
    const ended = running.current
    running.current = null
    setRecording(null)
    if (ended !== null) onRecorded(await ended.stop(), held)
  }
  const press = async () => {
    if (running.current !== null) return finish(false)
    cancelled.current = starting.current // a second click before the browser has let it
    if (starting.current) return
    starting.current = true
    pressed.current = true
    const begun = await attempt(() => record(setLevel))
    starting.current = false
    if (begun === undefined) {
      problem.value = "The microphone can't be used."
      return
    }
    if (cancelled.current) return void begun.stop()
    running.current = begun
    setRecording(begun)
    since.current = pressed.current ? Date.now() : 0 // let go while the browser asked: from click to click
  }
  const letGo = () => {
    pressed.current = false
    const held = since.current !== 0 && Date.now() - since.current > kHeld
    since.current = 0
    if (held) void finish(true)
  }
  return (
    <>
      <button type="button" aria-pressed={recording !== null} title="Click, or hold while you speak"
        onPointerDown={(event) => {
          if (event.button !== 0) return
          event.currentTarget.setPointerCapture(event.pointerId)
          void press()
        }}
        onPointerUp={letGo} onPointerCancel={letGo}
        onKeyDown={(event) => {
          if (event.key !== " " && event.key !== "Enter") return
          event.preventDefault()
          if (!event.repeat) void press()
        }}
        onKeyUp={(event) => {
          if (event.key !== " " && event.key !== "Enter") return
          event.preventDefault()
          letGo()
        }}
        // Of a screen reader, which presses nothing.
        onClick={(event) => event.detail === 0 && void press()}>
        {recording !== null ? "Stop recording" : "Speak"}
      </button>
      {recording !== null && <meter aria-label="Loudness" min={0} max={1} value={level} />}
    </>
  )
}

export function Composer() {
  const [attached, setAttached] = useState<Attachment[]>([])
  const [busy, setBusy] = useState(0) // files that are being read
  const [camera, setCamera] = useState(false)
  const box = useRef<HTMLTextAreaElement>(null)
  const picker = useRef<HTMLInputElement>(null)
  const text = draft.value

  useEffect(() => sessionStorage.setItem("carat-draft", text), [text])
  useEffect(() => {
    const area = box.current
    if (area === null) return
    area.style.height = "auto"
    area.style.height = `${Math.min(area.scrollHeight, 320)}px`
  }, [text])

  const during = async <T,>(work: () => Promise<T>): Promise<T> => {
    setBusy((n) => n + 1)
    try {
      return await work()
    } finally {
      setBusy((n) => n - 1)
    }
  }
  // All that can be read; and by name what can't.
  const add = async (files: Iterable<File>): Promise<Attachment[]> => {
    const added: Attachment[] = []
    const failed: string[] = []
    for (const file of files) {
      await during(async () => {
        try {
          const attachment = await attach(file)
          added.push(attachment)
          setAttached((all) => [...all, attachment])
        } catch (error) {
          failed.push(wordsOf(error))
        }
      })
    }
    if (failed.length > 0) problem.value = failed.join(" ")
    return added
  }
  useEffect(() => {
    // Text beside files goes where the browser puts it.
    const paste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])]
      if (files.length === 0) return
      const words = event.clipboardData?.getData("text/plain") ?? ""
      if (words === "") event.preventDefault()
      else if (!(event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLInputElement)) draft.value += words
      void add(files)
    }
    const drop = (event: DragEvent) => {
      const files = [...(event.dataTransfer?.files ?? [])]
      if (files.length === 0) return
      event.preventDefault()
      void add(files)
    }
    const over = (event: DragEvent) => {
      if (event.dataTransfer?.types.includes("Files")) event.preventDefault()
    }
    document.addEventListener("paste", paste)
    document.addEventListener("drop", drop)
    document.addEventListener("dragover", over)
    return () => {
      document.removeEventListener("paste", paste)
      document.removeEventListener("drop", drop)
      document.removeEventListener("dragover", over)
    }
  }, [])

  const send = async () => {
    const these = attached
    const words = text.trim()
    if ((words === "" && these.length === 0 && busy === 0) || writing.value !== null || sending.value) return
    if (busy > 0) return setDue({ key: null, conversation: current.value?.id })
    const parts: Part[] = these.flatMap((one) => one.parts)
    if (words !== "") parts.push({ type: "text", text: words })
    const content = these.length === 0 ? words : parts
    // Nothing that was typed is lost: it goes when it has come.
    if (!(await ask(content, branch.value.at(-1)?.id ?? null))) return
    if (draft.value === text) draft.value = ""
    for (const one of these) release(one)
    setAttached((now) => now.filter((one) => !these.some((other) => other.key === one.key)))
    box.current?.focus()
  }
  // What was sent while files are read goes once they are, and what was spoken once no answer is
  // written: where it was said, and if it is still there.
  const [due, setDue] = useState<{ key: number | null; conversation: string | undefined } | null>(null)
  const here = current.value?.id
  useEffect(() => {
    if (due === null) return
    const still = due.conversation === here && (due.key === null || attached.some((one) => one.key === due.key))
    if (!still) return setDue(null)
    if (busy > 0 || writing.value !== null || sending.value) return
    setDue(null)
    void send()
  }, [due, here, attached, busy, writing.value, sending.value])
  const recorded = async (file: File, held: boolean) => {
    if (file.size < kLeastSound) return
    const conversation = current.value?.id
    const [added] = await add([file])
    if (held && added !== undefined) setDue({ key: added.key, conversation })
  }
  // What is attached does not outlive the page, as the draft does.
  useEffect(() => {
    if (attached.length === 0) return
    const ask = (event: BeforeUnloadEvent) => event.preventDefault()
    window.addEventListener("beforeunload", ask)
    return () => window.removeEventListener("beforeunload", ask)
  }, [attached.length > 0])
  const tokens = attached.reduce((sum, one) => sum + (one.tokens ?? 0), 0)
  const context = status.value?.plan?.context ?? 0

  return (
    <form class="composer" onSubmit={(event) => { event.preventDefault(); void send() }}>
      {camera && <Camera onClose={() => setCamera(false)}
        onTaken={(file) => { setCamera(false); void add([file]) }} />}
      {attached.length > 0 && (
        <ul class="attached">
          {attached.map((one) => (
            <Attached key={one.key} one={one}
              onChange={(change) => setAttached((all) => all.map((other) => (other.key === one.key ? change(other) : other)))}
              while={during}
              onGone={() => {
                release(one)
                setAttached((all) => all.filter((other) => other.key !== one.key))
              }} />
          ))}
        </ul>
      )}
      {context > 0 && tokens > context && (
        <p class="problem">This is more than fits{Number.isFinite(tokens) ? `: ${tokens} tokens` : ""}, of {context}. Choose less detail or fewer pages.</p>
      )}
      <textarea ref={box} rows={1} value={text} aria-label="Message" placeholder="Ask, show, or let it listen"
        dir="auto" autofocus
        onInput={(event) => (draft.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return
          event.preventDefault()
          void send()
        }} />
      <div class="buttons">
        <input ref={picker} type="file" multiple hidden
          onChange={(event) => { void add([...(event.currentTarget.files ?? [])]); event.currentTarget.value = "" }} />
        <button type="button" onClick={() => picker.current?.click()}>Add files</button>
        <button type="button" aria-expanded={camera} onClick={() => setCamera(!camera)}>Camera</button>
        <Microphone onRecorded={(file, held) => void recorded(file, held)} />
        {busy > 0 && <span role="status">Reading files …</span>}
        {sending.value && <span role="status">Sending …</span>}
        {due !== null && <span role="status">Goes when {writing.value !== null ? "the answer has ended" : "the files have been read"}</span>}
        <span class="gap" />
        {writing.value === null
          ? <button type="submit" class="main" disabled={sending.value || (text.trim() === "" && attached.length === 0)}>Send</button>
          : <button type="button" class="main" onClick={() => void stop()}>Stop</button>}
      </div>
    </form>
  )
}
