// PDF documents as text or as pictures of their pages. Large, and comes when the first one does.
import * as pdfjs from "pdfjs-dist/legacy/build/pdf.mjs"

export interface Pdf {
  pages: number
  // Of whole pages from the first on, at most `most` characters; the last of these pages,
  // and those that hold none.
  text: (first: number, last: number, most: number) => Promise<{ pages: number; text: string; silent: number[] }>
  picture: (page: number) => Promise<Blob>
  close: () => void
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
    async text(first, last, most) {
      const pages: string[] = []
      const silent: number[] = []
      let length = 0
      let number = first
      for (; number <= last; ++number) {
        const page = await document.getPage(number)
        const [{ items }, notes] = await Promise.all([page.getTextContent(), page.getAnnotations()])
        // What was filled into a form.
        const filled = (notes as { fieldName?: string; fieldValue?: unknown }[])
          .filter(({ fieldValue }) => typeof fieldValue === "string" && fieldValue !== "")
          .map(({ fieldName, fieldValue }) => `\n${fieldName ?? ""}: ${String(fieldValue)}`)
        const text = items.map((item) => ("str" in item ? item.str + (item.hasEOL ? "\n" : "") : "")).join("") + filled.join("")
        if (text.trim() === "") {
          silent.push(number)
          continue
        }
        const shown = `[page ${number}]\n${text.trim()}\n`
        if (length + shown.length > most && length > 0) break
        length += shown.length + 1
        pages.push(shown)
      }
      return { pages: number - 1, text: pages.join("\n").trim().slice(0, most), silent }
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
      canvas.width = canvas.height = 0 // gives its memory back
      if (blob === null) throw new Error(`page ${number} can't be drawn.`)
      return blob
    },
    close: () => void task.destroy(),
  }
}
