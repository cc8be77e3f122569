// All branches of a conversation, to be walked.
import { useEffect, useRef } from "preact/hooks"
import { branch, current, showBranch } from "../state"
import { plain } from "../plain"
import { rowsOf } from "../tree"
import type { Message } from "../types"

const kWords = 60
const kDeepest = 12 // forks that are drawn further in

function wordsOf(message: Message): string {
  const { content } = message.body
  const text = typeof content === "string" ? content
    : content.map((part) => (part.type === "text" ? (part.name ?? part.text) : (part.name ?? part.type))).join(" ")
  const line = text.trim().replace(/\s+/g, " ")
  return line.length > kWords ? `${line.slice(0, kWords)} …` : line || "(nothing)"
}

export function Tree({ onGone }: { onGone: () => void }) {
  const place = useRef<HTMLLIElement>(null) // where one is
  useEffect(() => place.current?.scrollIntoView({ block: "center" }), [])
  const conversation = current.value
  if (conversation === null) return null
  const shown = new Set(branch.value.map((message) => message.id))
  const rows = rowsOf(conversation.messages)
  const last = rows.findLastIndex(({ chain }) => shown.has((chain[0] as Message).id))
  return (
    <nav class="panel tree" aria-label="Branches">
      <ul>
        {rows.map(({ chain, depth }, index) => {
          const first = chain[0] as Message
          const here = shown.has(first.id)
          return (
            <li key={first.id} ref={index === last ? place : null} class={here ? "here" : ""}
              style={{ marginInlineStart: `${Math.min(depth, kDeepest) * 14}px` }}>
              <button aria-current={here ? "true" : undefined} onClick={() => { void showBranch(first); onGone() }}>
                <span class="who">{depth > kDeepest ? `${depth} · ` : ""}{first.role === "user" ? "You" : "carat"}</span>{" "}
                <span dir="auto">{plain(wordsOf(first))}</span>
                {chain.length > 1 && <span class="note"> and {chain.length - 1} more</span>}
              </button>
            </li>
          )
        })}
      </ul>
    </nav>
  )
}
