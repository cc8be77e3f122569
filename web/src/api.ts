// The server, and how the page gets in. Nothing else is ever asked.
import type { Conversation, Hit, Models, Part, Preset, Settings, Status, Summary } from "./types"

const kTokenName = "carat-token"

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

// --- the door ------------------------------------------------------------------------------------

// The code behind '#' is swapped at once, and does not stay in the history of the browser.
export async function takeCode(): Promise<void> {
  const code = /^#code=([A-Za-z0-9]+)$/.exec(location.hash)?.[1]
  if (code === undefined) return
  history.replaceState(null, "", location.pathname)
  const reply = await fetch("/v1/carat/page/tokens", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ code }),
  })
  if (!reply.ok) return
  const { token } = (await reply.json()) as { token: string }
  localStorage.setItem(kTokenName, token)
}

const kUtf8 = new TextEncoder()

function hex(bytes: ArrayBuffer): string {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("")
}

async function sha256(text: string): Promise<string> {
  return hex(await crypto.subtle.digest("SHA-256", kUtf8.encode(text)))
}

async function hmac(key: string, text: string): Promise<string> {
  const imported = await crypto.subtle.importKey("raw", kUtf8.encode(key), { name: "HMAC", hash: "SHA-256" }, false, ["sign"])
  return hex(await crypto.subtle.sign("HMAC", imported, kUtf8.encode(text)))
}

// Once the server has ended, any program of this machine may listen in its place: the token, and what
// is asked, go only to one that has just proved to know it.
async function prove(token: string): Promise<void> {
  // Another machine's server is proved by its certificate, or not at all.
  if (location.protocol !== "http:" || !/^(127\.[\d.]+|localhost|\[::1\])$/.test(location.hostname)) return
  const secret = await sha256(token)
  const nonce = hex(crypto.getRandomValues(new Uint8Array(16)).buffer)
  const reply = await reach(`/v1/carat/page/proof?token=${await sha256(secret)}&nonce=${nonce}`)
  if (!reply.ok) throw await errorOf(reply)
  const { proof } = (await reply.json()) as { proof: string }
  const hosts = location.hostname === "localhost" ? ["127.0.0.1", "[::1]"] : [location.hostname]
  for (const host of hosts)
    if (proof === (await hmac(secret, `carat page ${host}:${location.port || "80"} ${nonce}`))) return
  throw new ApiError(401, "no_proof", "What answers here does not know this page: another program listens where the server was, or the page was let in more than 90 days ago.")
}

// What a request shows.
async function headers(): Promise<Record<string, string>> {
  const token = localStorage.getItem(kTokenName)
  if (token === null) return {}
  await prove(token)
  return { authorization: `Bearer ${token}` }
}

// --- requests ------------------------------------------------------------------------------------

async function errorOf(reply: Response): Promise<ApiError> {
  try {
    const { error } = (await reply.json()) as { error: { message: string; code: string | null } }
    return new ApiError(reply.status, error.code ?? "", error.message)
  } catch {
    return new ApiError(reply.status, "", `The server answers with ${reply.status}.`)
  }
}

// Nobody answers.
export class LostError extends Error {}

async function reach(path: string, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(path, init)
  } catch (error) {
    throw error instanceof TypeError ? new LostError("The server does not answer.") : error
  }
}

async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const shown = await headers()
  const reply = await reach(path, { ...init, headers: { ...shown, ...(init.headers as Record<string, string>) } })
  if (!reply.ok) throw await errorOf(reply)
  return reply
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const json = body === undefined ? {}
    : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }
  return (await (await send(path, { method, ...json })).json()) as T
}

interface KeptMedium {
  media: string
  type: string
  bytes: number
}

export const api = {
  status: () => call<Status>("GET", "/v1/carat/status"),
  list: (before?: string) =>
    call<{ conversations: Summary[]; has_more: boolean }>(
      "GET",
      `/v1/carat/conversations?limit=100${before === undefined ? "" : `&before=${before}`}`,
    ),
  create: (settings: Settings) =>
    call<{ id: string }>("POST", "/v1/carat/conversations", { settings }),
  get: (id: string) => call<Conversation>("GET", `/v1/carat/conversations/${id}`),
  exported: (id: string) => call<object>("GET", `/v1/carat/conversations/${id}?media=true`),
  imported: (json: unknown) =>
    call<{ id: string }>("POST", "/v1/carat/conversations/import", json),
  change: (id: string, change: { title?: string; settings?: Settings; leaf?: string }) =>
    call<{ id: string }>("POST", `/v1/carat/conversations/${id}`, change),
  remove: (id: string) => call<object>("DELETE", `/v1/carat/conversations/${id}`),
  ask: (id: string, content: string | Part[], parent: string | null) =>
    call<{ message: string; answer: string }>("POST", `/v1/carat/conversations/${id}/messages`, {
      content,
      ...(parent === null ? {} : { parent }),
    }),
  answerAgain: (question: string) =>
    call<{ answer: string }>("POST", `/v1/carat/messages/${question}/answer`),
  removeMessage: (id: string) => call<object>("DELETE", `/v1/carat/messages/${id}`),
  search: (text: string) =>
    call<{ hits: Hit[] }>("GET", `/v1/carat/search?text=${encodeURIComponent(text)}`),
  stop: (answer: string) => call<object>("POST", `/v1/carat/answers/${answer}/cancel`),
  endThinking: (answer: string) => call<object>("POST", `/v1/carat/answers/${answer}/end_thinking`),
  presets: () => call<{ presets: Preset[] }>("GET", "/v1/carat/presets"),
  keepPreset: (preset: Preset) => call<object>("POST", "/v1/carat/presets", preset),
  dropPreset: (name: string) => call<object>("DELETE", `/v1/carat/presets?name=${encodeURIComponent(name)}`),
  models: () => call<Models>("GET", "/v1/carat/models"),
  load: (model: string) => call<object>("POST", "/v1/carat/models/load", { model }),
  pull: (model: string) => call<object>("POST", "/v1/carat/models/pull", { model }),

  keep: async (bytes: Blob) =>
    (await (
      await send("/v1/carat/media", {
        method: "POST",
        headers: { "content-type": "application/octet-stream" },
        body: bytes,
      })
    ).json()) as KeptMedium,
  medium: async (hash: string) => (await send(`/v1/carat/media/${hash}`)).blob(),

  // What parts of a question take of the context.
  tokens: async (parts: Part[]) =>
    (await call<{ tokens: number }>("POST", "/v1/carat/media/tokens", { content: parts })).tokens,
}

// --- streams -------------------------------------------------------------------------------------

interface ServerEvent {
  name: string
  data: string
}

// Server-sent events with a header, which EventSource can't send. Ends with the stream.
export async function* events(path: string, signal: AbortSignal, form?: FormData): AsyncGenerator<ServerEvent> {
  const reply = await send(path, form === undefined ? { signal } : { signal, method: "POST", body: form })
  if (reply.body === null) return
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader()
  let buffer = ""
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      buffer += value
      for (let end = buffer.indexOf("\n\n"); end >= 0; end = buffer.indexOf("\n\n")) {
        const event: ServerEvent = { name: "", data: "" }
        for (const line of buffer.slice(0, end).split("\n")) {
          if (line.startsWith("event: ")) event.name = line.slice(7)
          if (line.startsWith("data: ")) event.data += line.slice(6)
        }
        buffer = buffer.slice(end + 2)
        if (event.data !== "") yield event
      }
    }
  } finally {
    void reader.cancel().catch(() => undefined)
  }
}
