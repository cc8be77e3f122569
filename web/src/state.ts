// What the page knows, and what it does. Views show signals and call these functions.
import { batch, computed, signal } from "@preact/signals"
import { api, ApiError, events, LostError } from "./api"
import { wordsOf } from "./plain"
import { branchTo, newestLeaf, placeOf } from "./tree"
import type { Conversation, Message, Part, Preset, Report, Settings, Status, Summary } from "./types"

// An answer as it comes.
export interface Live {
  text: string
  thoughts: string
  thinking: boolean
  read: { done: number; total: number } | null // of its prompt
}

export interface Recording {
  name: string
  sound: Blob
}

export const locked = signal<string | null>(null) // why the server does not let the page in
export const lost = signal(false) // the server does not answer
export const summaries = signal<Summary[]>([])
export const moreSummaries = signal(false)
export const current = signal<Conversation | null>(null)
export const live = signal<ReadonlyMap<string, Live>>(new Map())
export const status = signal<Status | null>(null)
export const speeds = signal<{ at: number; tokens: number }[]>([]) // tokens/s, newest last
export const problem = signal<string | null>(null)
export const sending = signal(false) // a question is on its way: media are read, or a model is loaded
export const settings = signal<Settings>(storedSettings()) // of the next new conversation
export const presets = signal<Preset[]>([])
export const transcribed = signal<Recording | null>(null) // what the transcript's view shows
export const asked = signal(0) // how often: each time the end is looked at
export const found = signal<{ message: string } | null>(null) // what was searched for, each time anew
export const draft = signal(sessionStorage.getItem("carat-draft") ?? "")

export const branch = computed<Message[]>(() =>
  current.value === null ? [] : branchTo(current.value.messages, current.value.leaf),
)
// How many messages stand at each place of the tree: versions of a question, or answers to it.
export const versions = computed<ReadonlyMap<string, number>>(() => {
  const counts = new Map<string, number>()
  for (const message of current.value?.messages ?? []) {
    const place = placeOf(message)
    counts.set(place, (counts.get(place) ?? 0) + 1)
  }
  return counts
})
// Positions that the branch takes, as of its last answer; 0: there is none.
export const used = computed<number>(() => {
  const report = branch.value.findLast((message) => message.body.carat?.prompt !== undefined)?.body.carat
  return (report?.prompt ?? 0) + (report?.generated ?? 0)
})
export const writing = computed<string | null>(() => {
  const last = branch.value.at(-1)
  return last !== undefined && last.role === "assistant" && last.state === "writing" ? last.id : null
})

function storedSettings(): Settings {
  try {
    return JSON.parse(localStorage.getItem("carat-settings") ?? "{}") as Settings
  } catch {
    return {}
  }
}

function keepSettings(value: Settings): void {
  settings.value = value
  localStorage.setItem("carat-settings", JSON.stringify(value))
}

function lock(error: ApiError): void {
  locked.value = error.code === "no_proof" ? error.message : "This page was not let in by the server."
}

function tell(error: unknown): void {
  if (error instanceof ApiError && error.status === 401) lock(error)
  else if (error instanceof LostError) lost.value = true
  else if (!(error instanceof DOMException && error.name === "AbortError")) problem.value = wordsOf(error)
}

// Runs what may fail; tells what failed.
export async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    const result = await work()
    lost.value = false
    return result
  } catch (error) {
    tell(error)
    return undefined
  }
}

// --- conversations -------------------------------------------------------------------------------

// As many as are shown.
export async function refreshList(): Promise<void> {
  const wanted = summaries.value.length
  await attempt(async () => {
    let page = await api.list()
    const list = page.conversations
    while (list.length < wanted && page.has_more) {
      page = await api.list(list.at(-1)?.id)
      list.push(...page.conversations)
    }
    batch(() => {
      summaries.value = list
      moreSummaries.value = page.has_more
    })
  })
}

let listing = false

export async function moreOfList(): Promise<void> {
  const last = summaries.value.at(-1)
  if (last === undefined || listing) return
  listing = true
  const page = await attempt(() => api.list(last.id))
  listing = false
  if (page === undefined || summaries.value.at(-1) !== last) return
  batch(() => {
    summaries.value = [...summaries.value, ...page.conversations]
    moreSummaries.value = page.has_more
  })
}

// Replies may come in another order than they were asked for: the newest question counts.
let opened = 0
let reloaded = 0

// `hit`: a message that was searched for, and is looked at.
export async function open(id: string | null, hit?: string): Promise<void> {
  const number = ++opened
  problem.value = null
  found.value = hit === undefined ? null : { message: hit }
  if (id === null) {
    current.value = null
    history.replaceState(null, "", "/")
    leaveOthers()
    return
  }
  const conversation = await attempt(() => api.get(id))
  if (conversation === undefined || number !== opened) return
  current.value = withUnsaved(conversation)
  history.replaceState(null, "", `/?c=${id}`)
  leaveOthers()
  followWhatIsWritten()
}

async function reload(): Promise<void> {
  const id = current.value?.id
  if (id === undefined) return
  const place = opened
  const number = ++reloaded
  try {
    const conversation = await api.get(id)
    if (place !== opened || number !== reloaded) return
    current.value = withUnsaved(conversation)
    followWhatIsWritten()
  } catch (error) {
    if (error instanceof ApiError && error.status === 404 && place === opened) await open(null)
  }
}

// A browser opens few streams to a server at one time: those of other conversations are given up.
function leaveOthers(): void {
  const here = new Set(current.value?.messages.map((message) => message.id))
  for (const [id, controller] of followed) if (!here.has(id)) controller.abort()
}

// Of the branch that is shown.
function followWhatIsWritten(): void {
  const id = writing.value
  if (id !== null && document.visibilityState === "visible") void follow(id)
}

export async function remove(id: string): Promise<void> {
  const done = await attempt(() => api.remove(id))
  if (done === undefined) {
    if (lost.value) problem.value = "The server does not answer: nothing was deleted."
    return
  }
  if (current.value?.id === id) await open(null)
  await refreshList()
}

export async function rename(id: string, title: string): Promise<void> {
  await attempt(() => api.change(id, { title }))
  await Promise.all([refreshList(), reload()])
}

// Settings that the server does not have yet, by their conversations: they hold at once, so that a
// second change does not undo the first, and go again where it did not answer.
const unsaved = new Map<string, Settings>()
let saving: Promise<void> = Promise.resolve()

function withUnsaved(conversation: Conversation): Conversation {
  return { ...conversation, settings: unsaved.get(conversation.id) ?? conversation.settings }
}

async function saveSettings(): Promise<void> {
  for (const [id, value] of [...unsaved]) {
    try {
      await api.change(id, { settings: value })
    } catch (error) {
      if (error instanceof LostError) {
        lost.value = true
        return
      }
      if (unsaved.get(id) === value) unsaved.delete(id)
      tell(error)
      await reload()
      continue
    }
    if (unsaved.get(id) === value) unsaved.delete(id)
  }
}

// Of the conversation that is shown, or of those that are begun later.
export async function changeSettings(change: (now: Settings) => Settings): Promise<void> {
  const conversation = current.value
  if (conversation === null) return keepSettings(change(storedSettings()))
  const value = change(conversation.settings)
  current.value = { ...conversation, settings: value }
  unsaved.set(conversation.id, value)
  saving = saving.then(saveSettings)
  await saving
}

export async function refreshPresets(): Promise<void> {
  const kept = await attempt(() => api.presets())
  if (kept !== undefined) presets.value = kept.presets
}

// --- questions and answers -----------------------------------------------------------------------

// `parent`: what it stands behind; null: at the beginning.
export async function ask(content: string | Part[], parent: string | null): Promise<boolean> {
  if (sending.value) return false
  problem.value = null
  sending.value = true
  const before = current.value?.id
  const done = await attempt(async () => {
    await saving // what was set just now counts
    const id = before ?? (await api.create(settings.value)).id
    try {
      await api.ask(id, content, parent)
    } catch (error) {
      if (before === undefined) await api.remove(id) // it would stay empty
      throw error
    }
    return id
  })
  sending.value = false
  if (done === undefined) return false
  if (current.value?.id === before) {
    await open(done) // nobody went elsewhere meanwhile
    ++asked.value
  }
  void refreshList()
  return true
}

export async function answerAgain(question: string): Promise<void> {
  const id = current.value?.id
  if (id === undefined || sending.value) return
  problem.value = null
  sending.value = true
  const done = await attempt(async () => {
    await saving
    return api.answerAgain(question)
  })
  sending.value = false
  if (done !== undefined && current.value?.id === id) {
    await open(id)
    ++asked.value
  }
}

export async function showBranch(message: Message): Promise<void> {
  const conversation = current.value
  if (conversation === null) return
  const leaf = newestLeaf(conversation.messages, message.id)
  current.value = { ...conversation, leaf }
  await attempt(() => api.change(conversation.id, { leaf }))
}

export async function removeMessage(message: Message): Promise<void> {
  await attempt(() => api.removeMessage(message.id))
  await reload()
}

export async function stop(): Promise<void> {
  const id = writing.value
  if (id === null) return
  try {
    await api.stop(id)
  } catch {
    await reload() // it has ended already
  }
}

export async function answerNow(): Promise<void> {
  const id = writing.value
  if (id !== null) await attempt(() => api.endThinking(id))
}

function setLive(id: string, change: Partial<Live>): void {
  const old = live.value.get(id) ?? { text: "", thoughts: "", thinking: false, read: null }
  live.value = new Map(live.value).set(id, { ...old, ...change })
}

interface Chunk {
  error?: { message: string }
  choices?: { delta: { content?: string; reasoning_content?: string }; carat?: Report }[]
  carat?: { prefill?: { done: number; total: number } }
}

const followed = new Map<string, AbortController>()

// Reads an answer from its beginning, until it has ended; then the server's own record counts.
async function follow(id: string): Promise<void> {
  if (followed.has(id)) return
  const controller = new AbortController()
  followed.set(id, controller)
  let text = ""
  let thoughts = ""
  let due = false
  // Once per frame, however fast tokens come.
  const show = (thinking: boolean) => {
    if (due) return
    due = true
    requestAnimationFrame(() => {
      due = false
      setLive(id, { text, thoughts, thinking, read: null })
    })
  }
  setLive(id, { text, thoughts })
  try {
    for await (const event of events(`/v1/carat/answers/${id}`, controller.signal)) {
      if (event.data === "[DONE]") break
      const chunk = JSON.parse(event.data) as Chunk
      if (chunk.error !== undefined) problem.value = chunk.error.message
      if (chunk.carat?.prefill !== undefined) setLive(id, { read: chunk.carat.prefill })
      const delta = chunk.choices?.[0]?.delta
      if (delta?.reasoning_content !== undefined) {
        thoughts += delta.reasoning_content
        show(true)
      }
      if (delta?.content !== undefined && delta.content !== "") {
        text += delta.content
        show(false)
      }
    }
  } catch {
    // Stopped because nobody looks, or broken off: watchChanges begins anew.
  }
  if (!controller.signal.aborted) await reload()
  followed.delete(id)
  // What was read stays until the server's record has as much.
  const message = current.value?.messages.find((one) => one.id === id)
  if (message?.state === "writing") return
  const rest = new Map(live.value)
  rest.delete(id)
  live.value = rest
}

// --- what other pages and the machine do ---------------------------------------------------------

// While the page is looked at: a browser opens few streams to a server at one time, and other tabs
// want theirs.
async function watchChanges(): Promise<void> {
  for (let wait = 500; ; wait = Math.min(wait * 2, 8000)) {
    await visible()
    const controller = new AbortController()
    const hide = () => {
      if (document.visibilityState !== "hidden") return
      controller.abort()
      for (const answer of followed.values()) answer.abort()
    }
    document.addEventListener("visibilitychange", hide)
    try {
      for await (const event of events("/v1/carat/conversations/changes", controller.signal)) {
        wait = 500
        lost.value = false
        if (event.name === "hello") {
          saving = saving.then(saveSettings)
          await Promise.all([refreshList(), refreshPresets(), reload()]) // what was missed
        } else if (event.name === "change") {
          const { conversation } = JSON.parse(event.data) as { conversation?: string }
          void refreshList()
          if (conversation === undefined) void refreshPresets()
          if (conversation === undefined || conversation === current.value?.id) await reload()
        }
      }
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        lock(error)
        return
      }
      if (!controller.signal.aborted) lost.value = true
    }
    document.removeEventListener("visibilitychange", hide)
    if (!controller.signal.aborted) await new Promise((resolve) => setTimeout(resolve, wait))
  }
}

function visible(): Promise<void> {
  if (document.visibilityState === "visible") return Promise.resolve()
  return new Promise((resolve) => document.addEventListener("visibilitychange", () => resolve(), { once: true }))
}

export const kSpeeds = 60

async function watchStatus(): Promise<void> {
  for (;;) {
    if (document.visibilityState === "visible") {
      try {
        const now = await api.status()
        const before = status.value
        status.value = now
        lost.value = false
        const made = (now.tokens?.generated ?? 0) - (before?.tokens?.generated ?? now.tokens?.generated ?? 0)
        const seconds = (Date.now() - (speeds.value.at(-1)?.at ?? Date.now() - 2000)) / 1000
        speeds.value = [...speeds.value, { at: Date.now(), tokens: Math.max(0, made) / seconds }].slice(-kSpeeds)
      } catch {
        // watchChanges tells
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 2000))
  }
}

// Other tabs begin conversations with the same settings.
window.addEventListener("storage", (event) => {
  if (event.key === "carat-settings") settings.value = storedSettings()
})

export async function start(): Promise<void> {
  await refreshList()
  if (locked.value !== null) return
  const id = new URLSearchParams(location.search).get("c")
  if (id !== null) await open(id)
  void watchChanges()
  void watchStatus()
}
