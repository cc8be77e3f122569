import { Component } from "preact"
import { useEffect, useRef, useState } from "preact/hooks"
import { api } from "../api"
import { onRicher, render } from "../markdown"
import { plain } from "../plain"
import {
  answerAgain, answerNow, ask, attempt, current, found, live, removeMessage, showBranch, transcribed, type Live,
} from "../state"
import { siblingsOf } from "../tree"
import type { MediaPart, Message as Kept, Part, TextPart } from "../types"

// Text of a model, or of a person, as nodes.
function Markdown({ text }: { text: string }) {
  const place = useRef<HTMLDivElement>(null)
  const [richer, setRicher] = useState(0)
  useEffect(() => onRicher(() => setRicher((n) => n + 1)), [])
  useEffect(() => {
    place.current?.replaceChildren(render(text))
    for (const block of place.current?.querySelectorAll("pre") ?? []) block.tabIndex = 0
  }, [text, richer])
  return <div class="markdown" dir="auto" ref={place} />
}

function Medium({ part }: { part: MediaPart }) {
  const [sound, setSound] = useState<Blob | null>(null)
  const [url, setUrl] = useState<string | null>(null)
  // An address of this page alone, since a picture's own request could not show the token.
  useEffect(() => {
    let made: string | null = null
    let gone = false
    void attempt(() => api.medium(part.media)).then((blob) => {
      if (blob === undefined || gone) return
      made = URL.createObjectURL(blob)
      setSound(blob)
      setUrl(made)
    })
    return () => {
      gone = true
      if (made !== null) URL.revokeObjectURL(made)
    }
  }, [part.media])
  const name = plain(part.name ?? part.type)
  if (url === null || sound === null) return <span class="medium waiting">{name}</span>
  if (part.type === "image") return <img class="medium" src={url} alt={name} />
  return (
    <figure class="recording">
      {part.type === "audio"
        ? <audio class="medium" src={url} controls aria-label={name} />
        : <video class="medium" src={url} controls aria-label={name} />}
      <button onClick={() => (transcribed.value = { name: part.name ?? part.type, sound })}>Transcribe</button>
    </figure>
  )
}

function Said({ part }: { part: Part }) {
  if (part.type !== "text") return <Medium part={part} />
  if (part.name === undefined) return <p class="plain" dir="auto">{plain(part.text)}</p>
  return (
    <details class="document">
      <summary dir="auto">{plain(part.name)}</summary>
      <pre tabIndex={0}>{plain(part.text)}</pre>
    </details>
  )
}

function textOf(message: Kept): string {
  const { content } = message.body
  if (typeof content === "string") return content
  return content.filter((part): part is TextPart => part.type === "text" && part.name === undefined)
    .map((part) => part.text).join("\n")
}

function Branches({ message }: { message: Kept }) {
  const siblings = siblingsOf(current.value?.messages ?? [], message)
  const at = siblings.findIndex((one) => one.id === message.id)
  if (siblings.length < 2) return null
  const show = (index: number) => {
    const other = siblings[index]
    if (other !== undefined) void showBranch(other)
  }
  return (
    <span class="branches">
      <button aria-label="Earlier version" disabled={at === 0} onClick={() => show(at - 1)}>‹</button>
      <span aria-label={`Version ${at + 1} of ${siblings.length}`}>{at + 1}/{siblings.length}</span>
      <button aria-label="Later version" disabled={at === siblings.length - 1} onClick={() => show(at + 1)}>›</button>
    </span>
  )
}

function Tools({ message, onEdit }: { message: Kept; onEdit?: () => void }) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(textOf(message))
    setCopied(true)
    setTimeout(() => setCopied(false), 1500)
  }
  return (
    <div class="tools">
      <Branches message={message} />
      <button onClick={() => void copy()}>{copied ? "Copied" : "Copy"}</button>
      {onEdit !== undefined && <button onClick={onEdit}>Edit</button>}
      {message.role === "assistant" && message.parent !== null && (
        <button onClick={() => void answerAgain(message.parent as string)}>Again</button>
      )}
      <button onClick={() => confirm("Delete this and all that follows it?") && void removeMessage(message)}>
        Delete
      </button>
    </div>
  )
}

function Editor({ message, onDone }: { message: Kept; onDone: () => void }) {
  const [text, setText] = useState(textOf(message))
  const box = useRef<HTMLTextAreaElement>(null)
  useEffect(() => box.current?.focus(), [])
  const send = async () => {
    const { content } = message.body
    const others = typeof content === "string" ? []
      : content.filter((part) => part.type !== "text" || part.name !== undefined)
    if (text.trim() === "" && others.length === 0) return
    const words: Part[] = text.trim() === "" ? [] : [{ type: "text", text }]
    const edited: string | Part[] = others.length === 0 ? text : [...others, ...words]
    if (await ask(edited, message.parent)) onDone()
  }
  return (
    <form class="editor" onSubmit={(event) => { event.preventDefault(); void send() }}>
      <textarea ref={box} aria-label="Edit the question" value={text} rows={4}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return
          event.stopPropagation()
          onDone()
        }} />
      <button type="submit">Ask this instead</button>
      <button type="button" onClick={onDone}>Cancel</button>
    </form>
  )
}

function Thoughts({ text, seconds, tokens, now }: { text: string; seconds?: number; tokens?: number; now: boolean }) {
  return (
    <details class="thoughts">
      <summary>
        {now ? "Thinking …" : `Thought${seconds === undefined ? "" : ` for ${seconds.toFixed(0)} s`}`}
        {tokens !== undefined && tokens > 0 ? ` · ${tokens} tokens` : ""}
        {now && <button onClick={(event) => { event.preventDefault(); void answerNow() }}>Answer now</button>}
      </summary>
      <p class="plain" dir="auto">{plain(text)}</p>
    </details>
  )
}

function Answer({ message, now }: { message: Kept; now: Live | undefined }) {
  const { body } = message
  const text = now?.text ?? (body.content as string)
  const thoughts = now?.thoughts ?? body.reasoning ?? ""
  const report = body.carat
  return (
    <>
      {now?.read != null && now.text === "" && (
        <progress aria-label="Reading what you sent" value={now.read.done} max={now.read.total} />
      )}
      {thoughts !== "" && (
        <Thoughts text={thoughts} now={now?.thinking ?? false}
          {...(body.thinking_s === undefined ? {} : { seconds: body.thinking_s })}
          {...(report?.thinking === undefined ? {} : { tokens: report.thinking })} />
      )}
      <Markdown text={text} />
      {now !== undefined && text === "" && thoughts === "" && <span class="caret" aria-hidden="true" />}
      {body.tool_calls?.map((call, index) => (
        <details class="document" key={index}>
          <summary>Calls {plain(call.name)}</summary>
          <pre tabIndex={0}>{plain(JSON.stringify(call.arguments, null, 2))}</pre>
        </details>
      ))}
      {message.state === "cut" && <p class="note">The server ended while this was written.</p>}
      {now === undefined && report?.message !== undefined && <p class="note">{report.message}</p>}
    </>
  )
}

function Shown({ message, now }: ShownProps) {
  const [editing, setEditing] = useState(false)
  const mine = message.role === "user"
  const { content } = message.body
  const parts: Part[] = typeof content === "string" ? [{ type: "text", text: content }] : content
  return (
    <article id={message.id} class={`${mine ? "mine" : "its"}${found.value?.message === message.id ? " found" : ""}`} aria-label={mine ? "You" : "carat"}>
      {mine && editing && <Editor message={message} onDone={() => {
        setEditing(false)
        requestAnimationFrame(() => document.querySelector<HTMLElement>(`#${message.id} .tools button`)?.focus())
      }} />}
      {mine && !editing && parts.map((part, index) => <Said part={part} key={index} />)}
      {!mine && <Answer message={message} now={now} />}
      {now === undefined && !editing && (
        mine ? <Tools message={message} onEdit={() => setEditing(true)} /> : <Tools message={message} />
      )}
    </article>
  )
}

interface ShownProps {
  message: Kept
  now: Live | undefined
  versions: number
}

// Turns that have not changed are not drawn again, however many there are.
class Still extends Component<ShownProps> {
  override shouldComponentUpdate(after: ShownProps): boolean {
    const before = this.props
    const same = before.now === after.now && before.versions === after.versions &&
      (before.message === after.message ||
        (before.message.state === after.message.state &&
          JSON.stringify(before.message.body) === JSON.stringify(after.message.body)))
    return !same
  }
  override render(props: ShownProps) {
    return <Shown {...props} />
  }
}

export function Message({ message, versions }: { message: Kept; versions: number }) {
  const now = message.state === "writing" ? live.value.get(message.id) : undefined
  return <Still message={message} now={now} versions={versions} />
}
