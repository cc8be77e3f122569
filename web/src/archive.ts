// Conversations as files: JSON with everything, Markdown for people.
import { api } from "./api"
import { download } from "./plain"
import type { Message } from "./types"

interface Archive {
  media?: Record<string, { type: string; data: string }>
  messages: unknown[]
}

export async function exportJson(id: string, title: string): Promise<void> {
  const json = await api.exported(id)
  download(`${title || "conversation"}.json`, "application/json", JSON.stringify(json, null, 1))
}

// A line of a message that looks like a heading of ours gets a backslash.
const kHeading = /^(\\*)(?=## (You|carat)$)/gm

// The branch that is shown.
export function exportMarkdown(title: string, branch: readonly Message[]): void {
  const turns = branch.map((message) => {
    const { content } = message.body
    const text = typeof content === "string" ? content
      : content.map((part) => (part.type === "text" ? part.text : `[${part.type}: ${part.name ?? part.media}]`)).join("\n\n")
    return `## ${message.role === "user" ? "You" : "carat"}\n\n${text.replace(kHeading, "$1\\")}\n`
  })
  download(`${title || "conversation"}.md`, "text/markdown", `# ${title || "conversation"}\n\n${turns.join("\n")}`)
}

// What exportMarkdown writes. Throws where it is none.
function fromMarkdown(text: string): object {
  const pieces = text.split(/^## (You|carat)$/m)
  const title = /^# (.*)$/m.exec(pieces[0] ?? "")?.[1] ?? ""
  const messages = []
  for (let i = 1; i + 1 < pieces.length; i += 2) {
    const content = (pieces[i + 1] as string).trim().replace(/^\\(\\*)(?=## (You|carat)$)/gm, "$1")
    messages.push({
      id: String(messages.length),
      parent: messages.length === 0 ? null : String(messages.length - 1),
      role: pieces[i] === "You" ? "user" : "assistant",
      body: { content },
    })
  }
  if (messages.length === 0) throw new Error("it holds no conversation: parts begin with “## You” and “## carat”.")
  return { title, messages, leaf: String(messages.length - 1) }
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64)
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; ++i) bytes[i] = text.charCodeAt(i)
  return bytes
}

// Gives the id of the conversation. Media go one by one, so that no request is too large.
export async function importFile(file: File): Promise<string> {
  const text = await file.text()
  if (/\.(md|markdown)$/i.test(file.name) || file.type === "text/markdown")
    return (await api.imported(fromMarkdown(text))).id
  let archive: Archive
  try {
    archive = JSON.parse(text) as Archive
  } catch {
    throw new Error("it is no JSON.")
  }
  if (archive === null || typeof archive !== "object" || !Array.isArray(archive.messages) || archive.messages.length === 0)
    throw new Error("it holds no conversation.")
  const { media, ...rest } = archive
  for (const [hash, medium] of Object.entries(media ?? {})) {
    let bytes
    try {
      bytes = bytesOf(medium.data)
    } catch {
      throw new Error("it is damaged: what should be a picture or a recording is no base64.")
    }
    const kept = await api.keep(new Blob([bytes]))
    if (kept.media !== hash) throw new Error("it is damaged: a picture or recording in it is another one.")
  }
  return (await api.imported(rest)).id
}
