// What is dropped, pasted, picked or recorded, as parts of a question.
import { api } from "./api"
import { wordsOf } from "./plain"
import { problem } from "./state"
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
export const kMaxPages = 64 // as pictures
let keys = 0

// Throws an Error that says by name what can't be read.
export async function attach(file: File): Promise<Attachment> {
  const made = { key: ++keys, name: file.name, file, url: null, tokens: null }
  try {
    if (await isPdf(file)) return await attachPdf(file, made)
    const text = await textOf(file)
    if (text !== null) return { ...made, parts: [{ type: "text", name: file.name, text }] }
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
  attachment.document?.pdf.close()
}

const kMedia = /^(image\/(?!svg)|audio\/|video\/)/
const kControl = /[\0-\x08\x0e-\x1a\x1c-\x1f]/ // no text has them

// Whatever is no picture, sound or film, and can be read as text.
async function textOf(file: File): Promise<string | null> {
  if (kMedia.test(file.type)) return null
  if (file.size === 0) throw new Error("it is empty.")
  const bytes = new Uint8Array(await file.slice(0, kMaxText + 4).arrayBuffer())
  const wide = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : null
  const decoded = (encoding: string) => {
    try {
      const text = new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: true })
      return kControl.test(text) ? null : text
    } catch {
      return null
    }
  }
  // The last is for older texts of Western Europe.
  const text = wide !== null ? decoded(wide) : (decoded("utf-8") ?? decoded("windows-1252"))
  if (text !== null && file.size > kMaxText) throw new Error(`it is too long, at most ${kMaxText} bytes of text are taken.`)
  return text
}

// --- PDF -----------------------------------------------------------------------------------------

async function isPdf(file: File): Promise<boolean> {
  return file.type === "application/pdf" || /\.pdf$/i.test(file.name) || (await file.slice(0, 5).text()) === "%PDF-"
}

// As text where it has some: else it is a scan. Of what is too long, the first pages.
async function attachPdf(file: File, made: Omit<Attachment, "parts">): Promise<Attachment> {
  const { openPdf } = await import("./pdf")
  const pdf = await openPdf(await file.arrayBuffer())
  try {
    if (pdf.pages === 0) throw new Error("it has no pages.")
    const { pages, text, silent } = await pdf.text(1, pdf.pages, kMaxText)
    const scan = text === ""
    const last = scan ? Math.min(pdf.pages, kMaxPages) : pages
    if (last < pdf.pages) problem.value = `${file.name} is too long: pages 1 to ${last} of ${pdf.pages} are taken.`
    else if (!scan && silent.length > 0) problem.value = `${file.name}: of page ${silent.join(", ")} no text can be read. As pictures all can be seen.`
    const document: Document = { pdf, as: scan ? "pages" : "text", first: 1, last }
    const parts: Part[] = scan ? await partsOf(file.name, document) : [{ type: "text", name: file.name, text }]
    return { ...made, document, parts }
  } catch (error) {
    pdf.close()
    throw error
  }
}

// The pages that are wanted of it.
export async function partsOf(name: string, document: Document): Promise<Part[]> {
  const { pdf, as, first, last } = document
  if (!(first >= 1 && first <= last && last <= pdf.pages))
    throw new Error(`pages go from 1 to ${pdf.pages}.`)
  if (as === "text") {
    const { pages, text } = await pdf.text(first, last, kMaxText)
    if (text === "") throw new Error("these pages hold no text: take them as pictures.")
    if (pages < last) throw new Error(`it is too long, at most ${kMaxText} characters are taken: take pages ${first} to ${pages}.`)
    return [{ type: "text", name, text }]
  }
  if (last - first >= kMaxPages) throw new Error(`at most ${kMaxPages} pages are taken as pictures.`)
  const parts: Part[] = []
  for (let page = first; page <= last; ++page) {
    const { media } = await api.keep(await pdf.picture(page))
    parts.push({ type: "image", media, name: `${name}, page ${page}` })
  }
  return parts
}
