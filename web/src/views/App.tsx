import { useEffect, useRef, useState } from "preact/hooks"
import { plain } from "../plain"
import { branch, current, live, locked, open, problem, stop, transcribed, versions, writing } from "../state"
import { placeOf } from "../tree"
import { Composer } from "./Composer"
import { Message } from "./Message"
import { Models } from "./Models"
import { SettingsPanel } from "./SettingsPanel"
import { Sidebar } from "./Sidebar"
import { StatusLine } from "./StatusLine"
import { Transcript } from "./Transcript"
import { Tree } from "./Tree"

function Locked() {
  return (
    <main class="locked">
      <h1>carat</h1>
      <p>{locked.value} Run <code>carat page</code> on this machine: it opens the page anew.</p>
    </main>
  )
}

const kShown = 100 // messages at a time: long conversations open as fast as short ones

function Thread() {
  const [more, setMore] = useState(0)
  useEffect(() => setMore(0), [current.value?.id])
  const end = useRef<HTMLDivElement>(null)
  const place = useRef<HTMLElement>(null)
  // Stays at the end while it grows, unless somebody looks further up.
  const atEnd = useRef(true)
  const hidden = Math.max(0, branch.value.length - kShown - more)
  const length = [...live.value.values()].reduce((sum, one) => sum + one.text.length + one.thoughts.length, 0)
  useEffect(() => {
    if (atEnd.current) end.current?.scrollIntoView({ block: "end" })
  }, [length, branch.value.length, current.value?.id])
  return (
    <section class="thread" aria-label="Conversation" ref={place} tabIndex={0}
      onScroll={(event) => {
        const { scrollTop, scrollHeight, clientHeight } = event.currentTarget
        atEnd.current = scrollTop + clientHeight > scrollHeight - 40
      }}>
      {branch.value.length === 0 && (
        <div class="welcome">
          <h1>What is it?</h1>
          <p>What you write, show and say stays on this machine.</p>
          <Models />
        </div>
      )}
      {hidden > 0 && <button onClick={() => setMore(more + kShown)}>Show {Math.min(hidden, kShown)} earlier messages</button>}
      {branch.value.slice(hidden).map((message) => (
        <Message key={message.id} message={message} versions={versions.value.get(placeOf(message)) ?? 1} />
      ))}
      <div ref={end} />
    </section>
  )
}

export function App() {
  const [sidebar, setSidebar] = useState(false) // on narrow screens
  const [panel, setPanel] = useState<"settings" | "tree" | null>(null)
  const unfold = (which: "settings" | "tree") => setPanel(panel === which ? null : which)
  const forked = [...versions.value.values()].some((count) => count > 1)
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.key === "Escape" && writing.value !== null) void stop()
      const control = event.ctrlKey || event.metaKey
      if (control && event.key.toLowerCase() === "k") {
        event.preventDefault()
        setSidebar(true)
        document.getElementById("search")?.focus()
      }
      if (control && event.shiftKey && event.key.toLowerCase() === "o") {
        event.preventDefault()
        void open(null)
      }
    }
    document.addEventListener("keydown", key)
    return () => document.removeEventListener("keydown", key)
  }, [])
  useEffect(() => {
    document.title = current.value?.title ? `${plain(current.value.title)} – carat` : "carat"
  }, [current.value?.title])
  if (locked.value !== null) return <Locked />
  return (
    <div class={`app ${sidebar ? "with-sidebar" : ""}`}>
      <Sidebar onChosen={() => setSidebar(false)} />
      <main class="talk">
        <header>
          <button class="narrow" aria-expanded={sidebar} onClick={() => setSidebar(!sidebar)}>Conversations</button>
          <h1 dir="auto">{plain(current.value?.title ?? "carat")}</h1>
          {forked && <button aria-expanded={panel === "tree"} onClick={() => unfold("tree")}>Branches</button>}
          <button aria-expanded={panel === "settings"} onClick={() => unfold("settings")}>Settings</button>
        </header>
        {panel === "settings" && <SettingsPanel onClose={() => setPanel(null)} />}
        {panel === "tree" && forked && <Tree onGone={() => setPanel(null)} />}
        {transcribed.value !== null && <Transcript recording={transcribed.value} />}
        <Thread />
        {problem.value !== null && (
          <p class="problem" role="alert">
            {plain(problem.value)} <button onClick={() => (problem.value = null)}>Dismiss</button>
          </p>
        )}
        <Composer />
        <StatusLine />
      </main>
      <div class="announce" role="status" aria-live="polite">
        {writing.value !== null ? "An answer is being written" : ""}
      </div>
    </div>
  )
}
