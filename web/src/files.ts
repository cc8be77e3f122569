// What is dropped, pasted, picked or recorded, as parts of a question.
import { api } from "./api"
import type { Pdf } from "./pdf"
import type { Part } from "./types"

export interface Document {
  pdf: Pdf
  as: "text" | "pages"
  first: number
  last: number
}

export interface Attachment {
  key: number
  name: string
  parts: Part[]
  file: File
  url: string | null // to look at or listen to; given back by release()
  document?: Document
  tokens: number | null // null: not counted yet
}

const kMaxText = 400_000
const kMaxPages = 64 // as pictures
const kTextNames = /\.(txt|md|csv|tsv|json|jsonl|xml|html|css|js|ts|tsx|jsx|py|c|cc|cpp|h|hpp|rs|go|java|kt|rb|sh|sql|toml|ini|yaml|yml|log|tex|diff|patch)$/i

let keys = 0

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

// Throws an Error that says by name what can't be read.
export async function attach(file: File): Promise<Attachment> {
  const made = { key: ++keys, name: file.name, file, url: null, tokens: null }
  try {
    if (await isPdf(file)) return await attachPdf(file, made)
    if (isText(file)) return { ...made, parts: [await textPart(file)] }
    const kept = await api.keep(file)
    // A recording of a browser is a film without pictures.
    const type = file.type.startsWith("audio/") || kept.type.startsWith("audio/") ? "audio"
      : kept.type.startsWith("video/") ? "video" : "image"
    return { ...made, parts: [{ type, media: kept.media, name: file.name }], url: URL.createObjectURL(file) }
  } catch (error) {
    throw new Error(`${file.name} can't be read: ${wordsOf(error)}`)
  }
}

export function release(attachment: Attachment): void {
  if (attachment.url !== null) URL.revokeObjectURL(attachment.url)
}

function isText(file: File): boolean {
  return file.type.startsWith("text/") || file.type === "application/json" || kTextNames.test(file.name)
}

async function textPart(file: File): Promise<Part> {
  if (file.size > kMaxText) throw new Error(`it is too long, at most ${kMaxText} bytes of text are taken.`)
  const text = await file.text()
  if (text.includes("\0")) throw new Error("it is no text.")
  return { type: "text", name: file.name, text }
}

// --- PDF -----------------------------------------------------------------------------------------

async function isPdf(file: File): Promise<boolean> {
  return (await file.slice(0, 1024).text()).includes("%PDF-")
}

// As text where it has some: else it is a scan.
async function attachPdf(file: File, made: Omit<Attachment, "parts">): Promise<Attachment> {
  const { openPdf } = await import("./pdf")
  const pdf = await openPdf(await file.arrayBuffer())
  const document: Document = { pdf, as: "text", first: 1, last: pdf.pages }
  try {
    return await withDocument({ ...made, parts: [] }, document)
  } catch {
    document.as = "pages"
    document.last = Math.min(pdf.pages, kMaxPages)
    return withDocument({ ...made, parts: [] }, document)
  }
}

// The attachment with the pages that are wanted of it.
export async function withDocument(attachment: Attachment, document: Document): Promise<Attachment> {
  const { name } = attachment
  const { pdf, as, first, last } = document
  if (!(first >= 1 && first <= last && last <= pdf.pages))
    throw new Error(`pages go from 1 to ${pdf.pages}.`)
  if (as === "text") {
    const text = await pdf.text(first, last)
    if (text === "") throw new Error("these pages hold no text: take them as pictures.")
    if (text.length > kMaxText) throw new Error(`it is too long, at most ${kMaxText} characters are taken: take fewer pages.`)
    return { ...attachment, document, tokens: null, parts: [{ type: "text", name, text }] }
  }
  if (last - first >= kMaxPages) throw new Error(`at most ${kMaxPages} pages are taken as pictures.`)
  const parts: Part[] = []
  for (let page = first; page <= last; ++page) {
    const { media } = await api.keep(await pdf.picture(page))
    parts.push({ type: "image", media, name: `${name}, page ${page}` })
  }
  return { ...attachment, document, tokens: null, parts }
}
