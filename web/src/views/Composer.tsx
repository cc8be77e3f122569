import { useEffect, useRef, useState } from "preact/hooks"
import { attach, record, type Attachment } from "../files"
import { Camera } from "./Camera"
import { ask, attempt, branch, problem, sending, stop, writing } from "../state"
import type { Part } from "../types"

const kBudgets = [70, 140, 280, 560, 1120]

// Soft tokens of a picture; nothing is said of what only the server counts.
function Cost({ attachment, onChange }: { attachment: Attachment; onChange: (part: Part) => void }) {
  const { part } = attachment
  if (part.type !== "image") return null
  return (
    <select aria-label={`Detail of ${attachment.name}`} value={String(part.budget ?? "")}
      onChange={(event) => {
        const budget = Number(event.currentTarget.value)
        const { budget: _, ...rest } = part
        onChange(budget === 0 ? rest : { ...rest, budget })
      }}>
      <option value="">detail by itself</option>
      {kBudgets.map((budget) => <option value={budget} key={budget}>at most {budget} tokens</option>)}
    </select>
  )
}

export function Composer() {
  const [text, setText] = useState(() => sessionStorage.getItem("carat-draft") ?? "")
  const [attached, setAttached] = useState<Attachment[]>([])
  const [busy, setBusy] = useState(0) // files that are being sent
  const [recording, setRecording] = useState<{ stop: () => Promise<File> } | null>(null)
  const [level, setLevel] = useState(0)
  const [camera, setCamera] = useState(false)
  const box = useRef<HTMLTextAreaElement>(null)
  const starting = useRef(false) // the microphone
  const picker = useRef<HTMLInputElement>(null)

  useEffect(() => sessionStorage.setItem("carat-draft", text), [text])
  useEffect(() => {
    const area = box.current
    if (area === null) return
    area.style.height = "auto"
    area.style.height = `${Math.min(area.scrollHeight, 320)}px`
  }, [text])

  const add = async (files: Iterable<File>) => {
    for (const file of files) {
      setBusy((n) => n + 1)
      try {
        const attachment = await attach(file)
        setAttached((all) => [...all, attachment])
      } catch (error) {
        problem.value = error instanceof Error ? error.message : String(error)
      }
      setBusy((n) => n - 1)
    }
  }
  useEffect(() => {
    const paste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])]
      if (files.length === 0) return
      event.preventDefault()
      void add(files)
    }
    const drop = (event: DragEvent) => {
      event.preventDefault()
      void add(event.dataTransfer?.files ?? [])
    }
    const over = (event: DragEvent) => event.preventDefault()
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
    const words = text.trim()
    if ((words === "" && attached.length === 0) || busy > 0 || writing.value !== null || sending.value) return
    const parts: Part[] = attached.map((one) => one.part)
    if (words !== "") parts.push({ type: "text", text: words })
    const content = attached.length === 0 ? words : parts
    // Nothing that was typed is lost: it goes when it has come.
    if (!(await ask(content, branch.value.at(-1)?.id ?? null))) return
    setText((now) => (now === text ? "" : now))
    setAttached((now) => now.filter((one) => !attached.includes(one)))
    box.current?.focus()
  }
  const speak = async () => {
    if (recording !== null) {
      const file = await recording.stop()
      setRecording(null)
      return add([file])
    }
    if (starting.current) return
    starting.current = true
    const begun = await attempt(() => record(setLevel))
    starting.current = false
    if (begun === undefined) problem.value = "The microphone can't be used."
    else setRecording(begun)
  }

  return (
    <form class="composer" onSubmit={(event) => { event.preventDefault(); void send() }}>
      {camera && <Camera onClose={() => setCamera(false)}
        onTaken={(file) => { setCamera(false); void add([file]) }} />}
      {attached.length > 0 && (
        <ul class="attached">
          {attached.map((one) => (
            <li key={one.key}>
              {one.part.type === "image" && one.url !== null && <img src={one.url} alt="" />}
              <span>{one.name}</span>
              <Cost attachment={one} onChange={(part) =>
                setAttached((all) => all.map((other) => (other.key === one.key ? { ...other, part } : other)))} />
              <button type="button" aria-label={`Leave out ${one.name}`}
                onClick={() => setAttached((all) => all.filter((other) => other.key !== one.key))}>×</button>
            </li>
          ))}
        </ul>
      )}
      <textarea ref={box} rows={1} value={text} aria-label="Message" placeholder="Ask, show, or let it listen"
        dir="auto" autofocus
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return
          event.preventDefault()
          void send()
        }} />
      <div class="buttons">
        <input ref={picker} type="file" multiple hidden
          onChange={(event) => { void add(event.currentTarget.files ?? []); event.currentTarget.value = "" }} />
        <button type="button" onClick={() => picker.current?.click()}>Add files</button>
        <button type="button" aria-expanded={camera} onClick={() => setCamera(!camera)}>Camera</button>
        <button type="button" aria-pressed={recording !== null} onClick={() => void speak()}>
          {recording !== null ? "Stop recording" : "Speak"}
        </button>
        {recording !== null && <meter aria-label="Loudness" min={0} max={1} value={level} />}
        {busy > 0 && <span role="status">Reading files …</span>}
        {sending.value && <span role="status">Sending …</span>}
        <span class="gap" />
        {writing.value === null
          ? <button type="submit" class="main" disabled={sending.value || (text.trim() === "" && attached.length === 0)}>Send</button>
          : <button type="button" class="main" onClick={() => void stop()}>Stop</button>}
      </div>
    </form>
  )
}
