// PDF documents as text or as pictures of their pages. Large, and comes when the first one does.
import * as pdfjs from "pdfjs-dist/legacy/build/pdf.mjs"

export interface Pdf {
  pages: number
  text: (first: number, last: number) => Promise<string>
  picture: (page: number) => Promise<Blob>
}

// A page at the largest budget of a picture, 1120 patches of 48 × 48 pixels, loses nothing.
const kPixels = 1120 * 48 * 48

interface ScriptPolicy {
  createScriptURL: (url: string) => string
}
interface Policies {
  createPolicy: (name: string, rules: { createScriptURL: (url: string) => string }) => ScriptPolicy
}

// The page's policy lets no text become a script's address but by this name.
function worker(): Worker {
  const address = "/pdf/worker.js"
  const policies = (window as { trustedTypes?: Policies }).trustedTypes
  const trusted = policies?.createPolicy("carat", { createScriptURL: () => address })
  return new Worker(trusted?.createScriptURL(address) ?? address, { type: "module" })
}

// Throws an Error that says what is wrong with it.
export async function openPdf(bytes: ArrayBuffer): Promise<Pdf> {
  pdfjs.GlobalWorkerOptions.workerPort ??= worker()
  const task = pdfjs.getDocument({
    data: bytes,
    cMapUrl: "/pdf/cmaps/",
    cMapPacked: true,
    standardFontDataUrl: "/pdf/fonts/",
    wasmUrl: "/pdf/",
    useWasm: false, // the page's policy
    isEvalSupported: false,
    enableXfa: false,
    stopAtErrors: false,
    verbosity: 0,
  })
  let document
  try {
    document = await task.promise
  } catch (error) {
    const name = error instanceof Error ? error.name : ""
    throw new Error(name === "PasswordException" ? "it is locked with a password." : "it is no PDF that can be read.")
  }
  return {
    pages: document.numPages,
    async text(first, last) {
      const pages: string[] = []
      for (let number = first; number <= last; ++number) {
        const { items } = await (await document.getPage(number)).getTextContent()
        const text = items.map((item) => ("str" in item ? item.str + (item.hasEOL ? "\n" : "") : "")).join("")
        pages.push(text.trim() === "" ? "" : `[page ${number}]\n${text.trim()}\n`)
      }
      return pages.join("\n").trim()
    },
    async picture(number) {
      const page = await document.getPage(number)
      const natural = page.getViewport({ scale: 1 })
      const viewport = page.getViewport({ scale: Math.sqrt(kPixels / (natural.width * natural.height)) })
      const canvas = window.document.createElement("canvas")
      canvas.width = Math.floor(viewport.width)
      canvas.height = Math.floor(viewport.height)
      await page.render({ canvas, viewport, background: "#ffffff" }).promise
      page.cleanup()
      const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"))
      if (blob === null) throw new Error(`page ${number} can't be drawn.`)
      return blob
    },
  }
}
