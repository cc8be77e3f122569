import { useEffect, useRef, useState } from "preact/hooks"
import { api } from "../api"
import {
  attempt, branch, current, moreOfList, moreSummaries, open, refreshList, remove, rename, showBranch, summaries,
} from "../state"
import type { Hit } from "../types"

function download(name: string, type: string, text: string) {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(new Blob([text], { type }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

export async function exportJson(id: string, title: string) {
  const json = await attempt(() => api.exported(id))
  if (json !== undefined) download(`${title || "conversation"}.json`, "application/json", JSON.stringify(json, null, 1))
}

// The branch that is shown, for people.
export function exportMarkdown() {
  const title = current.value?.title || "conversation"
  const turns = branch.value.map((message) => {
    const { content } = message.body
    const text = typeof content === "string" ? content
      : content.map((part) => (part.type === "text" ? part.text : `[${part.type}: ${part.name ?? part.media}]`)).join("\n\n")
    return `## ${message.role === "user" ? "You" : "carat"}\n\n${text}\n`
  })
  download(`${title}.md`, "text/markdown", `# ${title}\n\n${turns.join("\n")}`)
}

async function importFile(file: File) {
  await attempt(async () => {
    const { id } = await api.imported(JSON.parse(await file.text()))
    await refreshList()
    await open(id)
  })
}

function Found({ hits, onDone }: { hits: Hit[]; onDone: () => void }) {
  const show = async (hit: Hit) => {
    await open(hit.conversation)
    const message = current.value?.messages.find((one) => one.id === hit.message)
    if (message !== undefined) await showBranch(message)
    onDone()
  }
  if (hits.length === 0) return <p class="note">Nothing was found.</p>
  return (
    <ul class="list">
      {hits.map((hit, index) => (
        <li key={index}>
          <button onClick={() => void show(hit)}>
            <strong dir="auto">{hit.title || "Untitled"}</strong>
            <span class="snippet" dir="auto">{hit.snippet}</span>
          </button>
        </li>
      ))}
    </ul>
  )
}

export function Sidebar({ onChosen }: { onChosen: () => void }) {
  const [text, setText] = useState("")
  const [hits, setHits] = useState<Hit[] | null>(null)
  const picker = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (text.trim() === "") return setHits(null)
    const timer = setTimeout(() => {
      void attempt(() => api.search(text.trim())).then((found) => found && setHits(found.hits))
    }, 150)
    return () => clearTimeout(timer)
  }, [text])
  const choose = (id: string | null) => {
    void open(id)
    onChosen()
  }
  return (
    <nav class="sidebar" aria-label="Conversations">
      <button class="main" onClick={() => choose(null)}>New conversation</button>
      <input id="search" type="search" placeholder="Search (Ctrl K)" aria-label="Search all conversations"
        value={text} onInput={(event) => setText(event.currentTarget.value)} />
      {hits !== null ? <Found hits={hits} onDone={() => { setText(""); onChosen() }} /> : (
        <ul class="list">
          {summaries.value.map((one) => (
            <li key={one.id} class={one.id === current.value?.id ? "chosen" : ""}>
              <button dir="auto" aria-current={one.id === current.value?.id ? "page" : undefined}
                onClick={() => choose(one.id)}>
                {one.title || "Untitled"}
              </button>
              {one.id === current.value?.id && (
                <span class="tools">
                  <button onClick={() => {
                    const title = prompt("Title", one.title)
                    if (title !== null) void rename(one.id, title)
                  }}>Rename</button>
                  <button onClick={() => void exportJson(one.id, one.title)}>Export</button>
                  <button onClick={exportMarkdown}>Markdown</button>
                  <button onClick={() =>
                    confirm("Delete this conversation? The server keeps nothing of it.") &&
                    void remove(one.id)}>Delete</button>
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
      {hits === null && moreSummaries.value && <button onClick={() => void moreOfList()}>Older ones</button>}
      <input ref={picker} type="file" accept="application/json" hidden
        onChange={(event) => {
          const file = event.currentTarget.files?.[0]
          event.currentTarget.value = ""
          if (file !== undefined) void importFile(file)
        }} />
      <button class="import" onClick={() => picker.current?.click()}>Import …</button>
    </nav>
  )
}
