// A conversation as a tree. Pure.
import type { Message } from "./types"

// From the first message to `leaf`.
export function branchTo(messages: readonly Message[], leaf: string | null): Message[] {
  const byId = new Map(messages.map((message) => [message.id, message]))
  const branch: Message[] = []
  for (let at = leaf; at !== null; ) {
    const message = byId.get(at)
    if (message === undefined) break
    branch.push(message)
    at = message.parent
  }
  return branch.reverse()
}

export function placeOf(message: Message): string {
  return `${message.role} ${message.parent ?? ""}`
}

// Those with the same parent and role, oldest first: edits of a question, or answers to it.
export function siblingsOf(messages: readonly Message[], message: Message): Message[] {
  return messages.filter((other) => other.parent === message.parent && other.role === message.role)
}

// The newest message that is reached from `start`.
export function newestLeaf(messages: readonly Message[], start: string): string {
  const children = new Map<string, string>()
  for (const message of messages) {
    if (message.parent !== null) children.set(message.parent, message.id) // the last one stays
  }
  let leaf = start
  for (let next = children.get(leaf); next !== undefined; next = children.get(leaf)) leaf = next
  return leaf
}

// Messages that follow each other without another version, and what parts behind them.
export interface Fork {
  chain: Message[]
  forks: Fork[]
}

export function forksOf(messages: readonly Message[]): Fork[] {
  const behind = new Map<string | null, Message[]>()
  for (const message of messages) {
    const beside = behind.get(message.parent)
    if (beside === undefined) behind.set(message.parent, [message])
    else beside.push(message)
  }
  const roots: Fork[] = []
  const open: { into: Fork[]; from: Message }[] = []
  const parts = (into: Fork[], parent: string | null) => {
    for (const from of [...(behind.get(parent) ?? [])].reverse()) open.push({ into, from })
  }
  parts(roots, null)
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const fork: Fork = { chain: [next.from], forks: [] }
    next.into.push(fork)
    for (let last = next.from; ;) {
      const children = behind.get(last.id) ?? []
      if (children.length !== 1) {
        parts(fork.forks, last.id)
        break
      }
      last = children[0] as Message
      fork.chain.push(last)
    }
  }
  return roots
}
