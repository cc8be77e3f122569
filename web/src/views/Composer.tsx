import { useEffect, useRef, useState } from "preact/hooks"
import { api } from "../api"
import { attach, release, withDocument, type Attachment, type Document } from "../files"
import { plain } from "../plain"
import { record } from "../recorder"
import { Camera } from "./Camera"
import { ask, attempt, branch, draft, problem, sending, status, stop, transcribed, writing } from "../state"
import type { Part } from "../types"

const kBudgets = [70, 140, 280, 560, 1120]
const kHeld = 500 // ms: longer is push to talk

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
  const number = (key: "first" | "last", label: string) => (
    <input type="number" aria-label={`${label} of ${name}`} min={1} max={document.pdf.pages} value={document[key]}
      onChange={(event) => onChange({ ...document, [key]: Number(event.currentTarget.value) })} />
  )
  return (
    <>
      <select aria-label={`How ${name} goes`} value={document.as}
        onChange={(event) => onChange({ ...document, as: event.currentTarget.value as "text" })}>
        <option value="text">as text</option>
        <option value="pages">as pictures</option>
      </select>
      <span class="pages">pages {number("first", "First page")} to {number("last", "Last page")} of {document.pdf.pages}</span>
    </>
  )
}

function Attached({ one, onChange, onGone }: { one: Attachment; onChange: (next: Attachment) => void; onGone: () => void }) {
  const [busy, setBusy] = useState(false)
  // What it takes of the context. What can't be read is told now, and not when it is asked about.
  useEffect(() => {
    if (one.tokens !== null) return
    let gone = false
    void attempt(() => api.tokens(one.parts)).then((tokens) => {
      if (!gone) onChange({ ...one, tokens: tokens ?? Number.NaN })
    })
    return () => (gone = true)
  }, [one.parts])
  const redo = async (document: Document) => {
    setBusy(true)
    try {
      onChange(await withDocument(one, document))
    } catch (error) {
      problem.value = `${one.name}: ${error instanceof Error ? error.message : String(error)}`
      onChange({ ...one, document: { ...(one.document as Document) } })
    }
    setBusy(false)
  }
  const type = one.parts[0]?.type
  return (
    <li>
      {type === "image" && one.url !== null && <img src={one.url} alt="" />}
      {type === "video" && one.url !== null && <video src={one.url} muted aria-hidden="true" />}
      <span dir="auto">{plain(one.name)}</span>
      {one.document !== undefined && <Pages name={one.name} document={one.document} onChange={(document) => void redo(document)} />}
      <Detail attachment={one} onChange={(parts) => onChange({ ...one, parts, tokens: null })} />
      {(type === "audio" || type === "video") && (
        <button type="button" onClick={() => (transcribed.value = { name: one.name, sound: one.file })}>Transcribe</button>
      )}
      <span class="cost">{busy ? "…" : one.tokens === null ? "…" : Number.isNaN(one.tokens) ? "" : `${one.tokens} tokens`}</span>
      <button type="button" aria-label={`Leave out ${one.name}`} onClick={onGone}>×</button>
    </li>
  )
}

// Says something for a click, or as long as it is held: then it goes at once.
function Microphone({ onRecorded }: { onRecorded: (file: File, held: boolean) => void }) {
  const [recording, setRecording] = useState<{ stop: () => Promise<File> } | null>(null)
  const [level, setLevel] = useState(0)
  const starting = useRef<Promise<{ stop: () => Promise<File> } | undefined> | null>(null)
  const pressed = useRef<number | null>(null) // when, where it began the recording

  const finish = async (held: boolean) => {
    const begun = recording ?? (await starting.current)
    starting.current = null
    setRecording(null)
    if (begun !== undefined && begun !== null) onRecorded(await begun.stop(), held)
  }
  const press = async () => {
    if (recording !== null) return finish(false)
    if (starting.current !== null) return
    pressed.current = Date.now()
    starting.current = attempt(() => record(setLevel))
    const begun = await starting.current
    if (starting.current === null) return // let go already
    starting.current = null
    if (begun === undefined) problem.value = "The microphone can't be used."
    else setRecording(begun)
  }
  const letGo = () => {
    const since = pressed.current
    pressed.current = null
    if (since !== null && Date.now() - since > kHeld) void finish(true)
  }
  return (
    <>
      <button type="button" aria-pressed={recording !== null} title="Click, or hold while you speak"
        onPointerDown={(event) => event.button === 0 && void press()} onPointerUp={letGo} onPointerLeave={letGo}
        onKeyDown={(event) => {
          if (event.repeat || (event.key !== " " && event.key !== "Enter")) return
          event.preventDefault()
          void press()
        }}
        onKeyUp={letGo}>
        {recording !== null ? "Stop recording" : "Speak"}
      </button>
      {recording !== null && <meter aria-label="Loudness" min={0} max={1} value={level} />}
    </>
  )
}

export function Composer() {
  const [attached, setAttached] = useState<Attachment[]>([])
  const [busy, setBusy] = useState(0) // files that are being sent
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

  const add = async (files: Iterable<File>): Promise<Attachment[]> => {
    const added: Attachment[] = []
    for (const file of files) {
      setBusy((n) => n + 1)
      try {
        const attachment = await attach(file)
        added.push(attachment)
        setAttached((all) => [...all, attachment])
      } catch (error) {
        problem.value = error instanceof Error ? error.message : String(error)
      }
      setBusy((n) => n - 1)
    }
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

  const send = async (these: Attachment[] = attached) => {
    const words = text.trim()
    if ((words === "" && these.length === 0) || busy > 0 || writing.value !== null || sending.value) return
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
  const recorded = async (file: File, held: boolean) => {
    const added = await add([file])
    if (held && added.length > 0) await send([...attached, ...added])
  }
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
              onChange={(next) => setAttached((all) => all.map((other) => (other.key === one.key ? next : other)))}
              onGone={() => {
                release(one)
                setAttached((all) => all.filter((other) => other.key !== one.key))
              }} />
          ))}
        </ul>
      )}
      {context > 0 && tokens > context && (
        <p class="problem">This is more than fits: {tokens} tokens, of {context}. Choose less detail or fewer pages.</p>
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
        <span class="gap" />
        {writing.value === null
          ? <button type="submit" class="main" disabled={sending.value || busy > 0 || (text.trim() === "" && attached.length === 0)}>Send</button>
          : <button type="button" class="main" onClick={() => void stop()}>Stop</button>}
      </div>
    </form>
  )
}
