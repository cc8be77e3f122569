// What a model writes, as nodes that are safe to show: Markdown, code with colours, mathematics.
//
// markdown-it escapes all HTML of the text; DOMPurify looks at what comes of it again, so that one
// mistake of either is not enough. Links open nothing by themselves and tell their target nothing.
import DOMPurify from "dompurify"
import MarkdownIt from "markdown-it"
import type StateInline from "markdown-it/lib/rules_inline/state_inline.mjs"
import type Token from "markdown-it/lib/token.mjs"
import { plain } from "./plain"

type Colour = (code: string, language: string) => string | null
type Formula = (tex: string, display: boolean) => string

// Both are large, and come when they are needed.
let colour: Colour | null = null
let formula: Formula | null = null
let loading: Promise<void> | null = null

function load(): void {
  loading ??= Promise.all([import("./code"), import("./formula")]).then(([code, math]) => {
    colour = code.colour
    formula = math.formula
    for (const listener of listeners) listener()
  })
}
const listeners = new Set<() => void>()
export function onRicher(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

const kMathPairs: [string, string, boolean][] = [
  ["$$", "$$", true],
  ["\\[", "\\]", true],
  ["\\(", "\\)", false],
  ["$", "$", false],
]

// $x$, $$x$$, \(x\) and \[x\]; "$5 and $6" is money.
function math(state: StateInline, silent: boolean): boolean {
  const { src, pos } = state
  for (const [open, close, display] of kMathPairs) {
    if (!src.startsWith(open, pos)) continue
    const begin = pos + open.length
    const end = src.indexOf(close, begin)
    if (end <= begin) continue
    const tex = src.slice(begin, end)
    if (open === "$" && (/^\s|\s$|\n\n/.test(tex) || /^\d/.test(src.slice(end + 1)))) continue
    if (!silent) {
      const token = state.push("math", "", 0)
      token.content = tex
      token.meta = { display }
    }
    state.pos = end + close.length
    return true
  }
  return false
}

const markdown = new MarkdownIt({ html: false, linkify: false, breaks: true, typographer: false })
markdown.inline.ruler.before("escape", "math", math)
markdown.renderer.rules.math = (tokens, index) => {
  const token = tokens[index] as Token
  const { display } = token.meta as { display: boolean }
  if (formula === null) load()
  const shown = formula?.(token.content, display)
  return shown ?? `<code>${markdown.utils.escapeHtml(token.content)}</code>`
}
markdown.renderer.rules.fence = (tokens, index) => {
  const token = tokens[index] as Token
  const language = token.info.trim().split(/\s+/)[0] ?? ""
  if (colour === null) load()
  const code = colour?.(token.content, language) ?? markdown.utils.escapeHtml(token.content)
  const name = markdown.utils.escapeHtml(language)
  return `<pre data-language="${name}"><code>${code}</code></pre>\n`
}
// The policy of the page allows no styles in attributes.
for (const rule of ["th_open", "td_open"]) {
  markdown.renderer.rules[rule] = (tokens, index, options, _env, self) => {
    const token = tokens[index] as Token
    const style = token.attrGet("style")
    if (style !== null) {
      token.attrs = null
      token.attrSet("class", style.replace("text-align:", "align-"))
    }
    return self.renderToken(tokens, index, options)
  }
}
// Nothing is fetched for what a model writes: a picture is shown as a link to it.
markdown.renderer.rules.image = (tokens, index) => {
  const token = tokens[index] as Token
  return `<a href="${markdown.utils.escapeHtml(token.attrGet("src") ?? "")}">${markdown.utils.escapeHtml(token.content)}</a>`
}

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return
  node.setAttribute("target", "_blank")
  node.setAttribute("rel", "noopener noreferrer nofollow")
  node.setAttribute("referrerpolicy", "no-referrer")
})

export function render(text: string): DocumentFragment {
  return DOMPurify.sanitize(markdown.render(plain(text)), {
    USE_PROFILES: { html: true, mathMl: true },
    FORBID_TAGS: ["style", "form", "input", "button", "textarea", "select", "img", "video", "audio", "source"],
    FORBID_ATTR: ["style", "id", "name"],
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
    RETURN_DOM_FRAGMENT: true,
  })
}
