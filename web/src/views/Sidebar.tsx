import { useEffect, useRef, useState } from "preact/hooks"
import { api, ApiError, LostError } from "../api"
import { exportJson, exportMarkdown, importFile } from "../archive"
import { plain, wordsOf } from "../plain"
import {
  attempt, branch, current, moreOfList, moreSummaries, open, refreshList, remove, rename, showBranch, summaries,
} from "../state"
import type { Hit } from "../types"

function Found({ hits, onDone }: { hits: Hit[]; onDone: () => void }) {
  const show = async (hit: Hit) => {
    await open(hit.conversation, hit.message)
    const message = current.value?.messages.find((one) => one.id === hit.message)
    // Of another branch than the one that is shown.
    if (message !== undefined && !branch.value.includes(message)) await showBranch(message)
    onDone()
  }
  if (hits.length === 0) return <p class="note">Nothing was found.</p>
  return (
    <ul class="list">
      {hits.map((hit, index) => (
        <li key={index}>
          <button onClick={() => void show(hit)}>
            <strong dir="auto">{plain(hit.title) || "Untitled"}</strong>
            <span class="snippet" dir="auto">{plain(hit.snippet)}</span>
          </button>
        </li>
      ))}
    </ul>
  )
}

async function bring(file: File, onDone: () => void) {
  const id = await attempt(async () => {
    try {
      return await importFile(file)
    } catch (error) {
      throw error instanceof ApiError || error instanceof LostError ? error : new Error(`${file.name}: ${wordsOf(error)}`)
    }
  })
  onDone() // and what went wrong is seen
  if (id === undefined) return
  await refreshList()
  await open(id)
}

export function Sidebar({ onChosen, narrow }: { onChosen: () => void; narrow: boolean }) {
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
  // What is shown may be older than what is listed.
  const shown = current.value
  const listed = shown === null || summaries.value.some((one) => one.id === shown.id) ? summaries.value : [shown, ...summaries.value]
  const choose = (id: string | null) => {
    void open(id)
    onChosen()
  }
  return (
    <nav class="sidebar" aria-label="Conversations">
      {narrow && <button class="close" onClick={onChosen}>Close</button>}
      <button class="main" onClick={() => choose(null)}>New conversation</button>
      <input id="search" type="search" placeholder="Search (Ctrl K)" aria-label="Search all conversations"
        value={text} onInput={(event) => setText(event.currentTarget.value)} />
      {hits !== null ? <Found hits={hits} onDone={() => { setText(""); onChosen() }} /> : (
        <ul class="list">
          {listed.map((one) => (
            <li key={one.id} class={one.id === current.value?.id ? "chosen" : ""}>
              <button dir="auto" aria-current={one.id === current.value?.id ? "page" : undefined}
                onClick={() => choose(one.id)}>
                {plain(one.title) || "Untitled"}
              </button>
              {one.id === current.value?.id && (
                <span class="tools">
                  <button onClick={() => {
                    const title = prompt("Title", one.title)
                    if (title !== null) void rename(one.id, title)
                  }}>Rename</button>
                  <button onClick={() => void attempt(() => exportJson(one.id, one.title))}>Export</button>
                  <button onClick={() => exportMarkdown(one.title, branch.value)}>Markdown</button>
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
      <input ref={picker} type="file" accept="application/json,text/markdown,.md" hidden
        onChange={(event) => {
          const file = event.currentTarget.files?.[0]
          event.currentTarget.value = ""
          if (file !== undefined) void bring(file, onChosen)
        }} />
      <button class="import" onClick={() => picker.current?.click()}>Import …</button>
    </nav>
  )
}
