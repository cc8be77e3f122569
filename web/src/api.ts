// The server, and how the page gets in. Nothing else is ever asked.
import type { Conversation, Hit, Models, Part, Settings, Status, Summary } from "./types"

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

function headers(): Record<string, string> {
  const token = localStorage.getItem(kTokenName)
  return token === null ? {} : { authorization: `Bearer ${token}` }
}

async function errorOf(reply: Response): Promise<ApiError> {
  try {
    const { error } = (await reply.json()) as { error: { message: string; code: string | null } }
    return new ApiError(reply.status, error.code ?? "", error.message)
  } catch {
    return new ApiError(reply.status, "", `The server answers with ${reply.status}.`)
  }
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method, headers: headers() }
  if (body !== undefined) {
    init.headers = { ...headers(), "content-type": "application/json" }
    init.body = JSON.stringify(body)
  }
  const reply = await fetch(path, init)
  if (!reply.ok) throw await errorOf(reply)
  return (await reply.json()) as T
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
  models: () => call<Models>("GET", "/v1/carat/models"),
  load: (model: string) => call<object>("POST", "/v1/carat/models/load", { model }),
  pull: (model: string) => call<object>("POST", "/v1/carat/models/pull", { model }),
  forget: () => call<object>("DELETE", "/v1/carat/page/tokens"),

  async keep(bytes: Blob): Promise<{ media: string; type: string; bytes: number }> {
    const reply = await fetch("/v1/carat/media", {
      method: "POST",
      headers: { ...headers(), "content-type": "application/octet-stream" },
      body: bytes,
    })
    if (!reply.ok) throw await errorOf(reply)
    return (await reply.json()) as { media: string; type: string; bytes: number }
  },

  // An address of this page alone, since a picture's own request could not show the token.
  async mediumUrl(hash: string): Promise<string> {
    const reply = await fetch(`/v1/carat/media/${hash}`, { headers: headers() })
    if (!reply.ok) throw await errorOf(reply)
    return URL.createObjectURL(await reply.blob())
  },
}

export interface ServerEvent {
  name: string
  data: string
}

// Server-sent events with a header, which EventSource can't send. Ends with the stream.
export async function* events(path: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  const reply = await fetch(path, { headers: headers(), signal })
  if (!reply.ok || reply.body === null) throw await errorOf(reply)
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader()
  let buffer = ""
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
}
