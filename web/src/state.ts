// What the page knows, and what it does. Views show signals and call these functions.
import { batch, computed, signal } from "@preact/signals"
import { api, ApiError, events } from "./api"
import { branchTo, newestLeaf, placeOf } from "./tree"
import type { Conversation, Message, Part, Report, Settings, Status, Summary } from "./types"

// An answer as it comes.
export interface Live {
  text: string
  thoughts: string
  thinking: boolean
  read: { done: number; total: number } | null // of its prompt
  stopping: boolean
}

export const locked = signal(false) // the server asks for a token that the page does not have
export const lost = signal(false) // the server does not answer
export const summaries = signal<Summary[]>([])
export const moreSummaries = signal(false)
export const current = signal<Conversation | null>(null)
export const live = signal<ReadonlyMap<string, Live>>(new Map())
export const status = signal<Status | null>(null)
export const speeds = signal<{ at: number; tokens: number }[]>([]) // tokens/s, newest last
export const problem = signal<string | null>(null)
export const settings = signal<Settings>(storedSettings()) // of the next new conversation

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

export function keepSettings(value: Settings): void {
  settings.value = value
  localStorage.setItem("carat-settings", JSON.stringify(value))
}

// Runs what may fail; tells what failed.
export async function attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    const result = await work()
    lost.value = false
    return result
  } catch (error) {
    if (error instanceof ApiError) {
      if (error.status === 401) locked.value = true
      else problem.value = error.message
    } else if (error instanceof TypeError) {
      lost.value = true
    } else if (!(error instanceof DOMException && error.name === "AbortError")) {
      problem.value = String(error)
    }
    return undefined
  }
}

// --- conversations -------------------------------------------------------------------------------

export async function refreshList(): Promise<void> {
  const page = await attempt(() => api.list())
  if (page === undefined) return
  batch(() => {
    summaries.value = page.conversations
    moreSummaries.value = page.has_more
  })
}

export async function moreOfList(): Promise<void> {
  const last = summaries.value.at(-1)
  if (last === undefined) return
  const page = await attempt(() => api.list(last.id))
  if (page === undefined) return
  batch(() => {
    summaries.value = [...summaries.value, ...page.conversations]
    moreSummaries.value = page.has_more
  })
}

export async function open(id: string | null): Promise<void> {
  if (id === null) {
    current.value = null
    history.replaceState(null, "", "/")
    return
  }
  const conversation = await attempt(() => api.get(id))
  if (conversation === undefined) return
  current.value = conversation
  history.replaceState(null, "", `/?c=${id}`)
  for (const message of conversation.messages) {
    if (message.state === "writing") void follow(message.id)
  }
}

async function reload(): Promise<void> {
  const id = current.value?.id
  if (id === undefined) return
  try {
    const conversation = await api.get(id)
    if (current.value?.id === id) current.value = conversation
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) await open(null)
  }
}

export async function remove(id: string): Promise<void> {
  await attempt(() => api.remove(id))
  if (current.value?.id === id) await open(null)
  await refreshList()
}

export async function rename(id: string, title: string): Promise<void> {
  await attempt(() => api.change(id, { title }))
  await Promise.all([refreshList(), reload()])
}

export async function changeSettings(value: Settings): Promise<void> {
  keepSettings(value)
  const id = current.value?.id
  if (id === undefined) return
  await attempt(() => api.change(id, { settings: value }))
  await reload()
}

// --- questions and answers -----------------------------------------------------------------------

// `parent`: what it stands behind; null: at the beginning.
export async function ask(content: string | Part[], parent: string | null): Promise<boolean> {
  problem.value = null
  const asked = await attempt(async () => {
    const id = current.value?.id ?? (await api.create(settings.value)).id
    const ids = await api.ask(id, content, parent)
    return { id, ...ids }
  })
  if (asked === undefined) return false
  await open(asked.id)
  void refreshList()
  return true
}

export async function answerAgain(question: string): Promise<void> {
  problem.value = null
  const id = current.value?.id
  if (id === undefined || (await attempt(() => api.answerAgain(question))) === undefined) return
  await open(id)
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
  setLive(id, { stopping: true })
  await attempt(() => api.stop(id))
}

export async function answerNow(): Promise<void> {
  const id = writing.value
  if (id !== null) await attempt(() => api.endThinking(id))
}

function setLive(id: string, change: Partial<Live>): void {
  const old = live.value.get(id) ?? { text: "", thoughts: "", thinking: false, read: null, stopping: false }
  live.value = new Map(live.value).set(id, { ...old, ...change })
}

interface Chunk {
  choices: { delta: { content?: string; reasoning_content?: string }; carat?: Report }[]
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
      if (chunk.carat?.prefill !== undefined) setLive(id, { read: chunk.carat.prefill })
      const delta = chunk.choices[0]?.delta
      if (delta?.reasoning_content !== undefined) {
        thoughts += delta.reasoning_content
        show(true)
      }
      if (delta?.content !== undefined && delta.content !== "") {
        text += delta.content
        show(false)
      }
    }
  } catch (error) {
    if (error instanceof TypeError) lost.value = true
  }
  // The record is whole a moment after the stream.
  for (let tries = 0; tries < 40; ++tries) {
    await reload()
    const message = current.value?.messages.find((one) => one.id === id)
    if (message === undefined || message.state !== "writing") break
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
  followed.delete(id)
  const rest = new Map(live.value)
  rest.delete(id)
  live.value = rest
}

// --- what other pages and the machine do ---------------------------------------------------------

async function watchChanges(): Promise<void> {
  for (let wait = 500; ; wait = Math.min(wait * 2, 8000)) {
    try {
      for await (const event of events("/v1/carat/conversations/changes", new AbortController().signal)) {
        wait = 500
        lost.value = false
        if (event.name !== "change") continue
        const { conversation } = JSON.parse(event.data) as { conversation?: string }
        void refreshList()
        if (conversation === undefined || conversation === current.value?.id) {
          await reload()
          for (const message of current.value?.messages ?? []) {
            if (message.state === "writing") void follow(message.id)
          }
        }
      }
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        locked.value = true
        return
      }
      lost.value = true
    }
    await new Promise((resolve) => setTimeout(resolve, wait))
    if (lost.value) {
      await reload().catch(() => undefined)
      await refreshList()
    }
  }
}

const kSpeeds = 60

async function watchStatus(): Promise<void> {
  for (;;) {
    if (document.visibilityState === "visible") {
      try {
        const now = await api.status()
        const before = status.value
        status.value = now
        const made = (now.tokens?.generated ?? 0) - (before?.tokens?.generated ?? now.tokens?.generated ?? 0)
        speeds.value = [...speeds.value, { at: Date.now(), tokens: Math.max(0, made) / 2 }].slice(-kSpeeds)
      } catch {
        // watchChanges tells
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 2000))
  }
}

export async function start(): Promise<void> {
  await refreshList()
  if (locked.value) return
  const id = new URLSearchParams(location.search).get("c")
  if (id !== null) await open(id)
  void watchChanges()
  void watchStatus()
}
