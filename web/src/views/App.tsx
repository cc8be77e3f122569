import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks"
import { plain } from "../plain"
import { asked, branch, current, found, locked, open, problem, stop, transcribed, versions, writing } from "../state"
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

const kNarrow = "(max-width: 44rem)" // as style.css has it
const kShown = 100 // messages at a time: long conversations open as fast as short ones

function Thread() {
  const [more, setMore] = useState(0)
  const place = useRef<HTMLElement>(null)
  const inside = useRef<HTMLDivElement>(null)
  // Stays at the end while it grows, unless somebody looks further up.
  const atEnd = useRef(true)
  const last = useRef({ top: 0, height: 0 })
  const hidden = Math.max(0, branch.value.length - kShown - more)
  const goToEnd = () => {
    if (atEnd.current && place.current !== null) place.current.scrollTop = place.current.scrollHeight
  }
  // Answers, pictures that come, and turns whose height was not known.
  useEffect(() => {
    const watch = new ResizeObserver(goToEnd)
    for (const box of [inside.current, place.current]) if (box !== null) watch.observe(box)
    return () => watch.disconnect()
  }, [])
  useLayoutEffect(() => {
    setMore(0)
    atEnd.current = found.value === null
    goToEnd()
  }, [current.value?.id])
  useLayoutEffect(() => {
    atEnd.current = true
    goToEnd()
  }, [asked.value])
  // What was found is unfolded and looked at, once.
  const seen = useRef(found.value)
  const at = branch.value.findIndex((message) => message.id === found.value?.message)
  useEffect(() => {
    if (at < 0 || seen.current === found.value) return
    if (at < hidden) return setMore(more + hidden - at)
    seen.current = found.value
    atEnd.current = false
    document.getElementById(found.value?.message ?? "")?.scrollIntoView({ block: "center" })
  }, [found.value, at, hidden])
  // One stays where one was while earlier turns are put above.
  const before = useRef(0)
  useLayoutEffect(() => {
    if (before.current > 0 && place.current !== null) place.current.scrollTop += place.current.scrollHeight - before.current
    before.current = 0
  }, [more])
  return (
    <section class="thread" aria-label="Conversation" ref={place} tabIndex={0}
      onKeyDown={(event) => {
        if (event.key !== "End") return
        atEnd.current = true // however fast an answer grows
        goToEnd()
      }}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        if (scrollTop + clientHeight > scrollHeight - 40) atEnd.current = true
        // Up by hand, and not because something above has become smaller.
        else if (scrollTop < last.current.top - 1 && scrollHeight === last.current.height) atEnd.current = false
        last.current = { top: scrollTop, height: scrollHeight }
      }}>
      <div ref={inside}>
        {branch.value.length === 0 && (
          <div class="welcome">
            <h1>What is it?</h1>
            <p>What you write, show and say stays on this machine.</p>
            <Models />
          </div>
        )}
        {hidden > 0 && (
          <button onClick={() => {
            before.current = place.current?.scrollHeight ?? 0
            atEnd.current = false
            setMore(more + kShown)
          }}>Show {Math.min(hidden, kShown)} earlier messages</button>
        )}
        {branch.value.slice(hidden).map((message) => (
          <Message key={message.id} message={message} versions={versions.value.get(placeOf(message)) ?? 1} />
        ))}
      </div>
    </section>
  )
}

export function App() {
  const [sidebar, setSidebar] = useState(false) // on narrow screens
  const [panel, setPanel] = useState<"settings" | "tree" | null>(null)
  const unfold = (which: "settings" | "tree") => setPanel(panel === which ? null : which)
  const sidebarShown = useRef(false)
  sidebarShown.current = sidebar
  const forked = [...versions.value.values()].some((count) => count > 1)
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.key === "Escape" && sidebarShown.current) setSidebar(false)
      else if (event.key === "Escape" && writing.value !== null) void stop()
      const control = event.ctrlKey || event.metaKey
      if (control && event.key.toLowerCase() === "k") {
        event.preventDefault()
        const search = () => document.getElementById("search")?.focus()
        if (!matchMedia(kNarrow).matches) return search()
        setSidebar(true)
        requestAnimationFrame(search) // once it is there
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
      <Sidebar onChosen={() => setSidebar(false)} narrow={sidebar} />
      <main class="talk">
        <header>
          <button class="narrow" aria-expanded={sidebar} onClick={() => setSidebar(!sidebar)}>Conversations</button>
          <h1 dir="auto">{current.value === null ? "carat" : plain(current.value.title) || "Untitled"}</h1>
          {forked && <button aria-expanded={panel === "tree"} onClick={() => unfold("tree")}>Branches</button>}
          <button id="settings" aria-expanded={panel === "settings"} onClick={() => unfold("settings")}>Settings</button>
        </header>
        {panel === "settings" && <SettingsPanel key={current.value?.id} onClose={() => {
          setPanel(null)
          document.getElementById("settings")?.focus()
        }} />}
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
