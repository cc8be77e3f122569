// All branches of a conversation, to be walked.
import { branch, current, showBranch } from "../state"
import { plain } from "../plain"
import { forksOf, type Fork } from "../tree"
import type { Message } from "../types"

const kWords = 60

function wordsOf(message: Message): string {
  const { content } = message.body
  const text = typeof content === "string" ? content
    : content.map((part) => (part.type === "text" ? (part.name ?? part.text) : (part.name ?? part.type))).join(" ")
  const line = text.trim().replace(/\s+/g, " ")
  return line.length > kWords ? `${line.slice(0, kWords)} …` : line || "(nothing)"
}

function Forks({ forks, shown, onGone }: { forks: Fork[]; shown: ReadonlySet<string>; onGone: () => void }) {
  return (
    <ul>
      {forks.map(({ chain, forks: further }) => {
        const first = chain[0] as Message
        const here = shown.has(first.id)
        return (
          <li key={first.id} class={here ? "here" : ""}>
            <button aria-current={here ? "true" : undefined} onClick={() => { void showBranch(first); onGone() }}>
              <span class="who">{first.role === "user" ? "You" : "carat"}</span>{" "}
              <span dir="auto">{plain(wordsOf(first))}</span>
              {chain.length > 1 && <span class="note"> and {chain.length - 1} more</span>}
            </button>
            {further.length > 0 && <Forks forks={further} shown={shown} onGone={onGone} />}
          </li>
        )
      })}
    </ul>
  )
}

export function Tree({ onGone }: { onGone: () => void }) {
  const conversation = current.value
  if (conversation === null) return null
  const shown = new Set(branch.value.map((message) => message.id))
  return (
    <nav class="panel tree" aria-label="Branches">
      <Forks forks={forksOf(conversation.messages)} shown={shown} onGone={onGone} />
    </nav>
  )
}
