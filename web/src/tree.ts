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

// Messages that follow each other without another version, and how many forks stand before them.
export interface Row {
  chain: Message[]
  depth: number
}

// All of them, each behind that which it parts from.
export function rowsOf(messages: readonly Message[]): Row[] {
  const behind = new Map<string | null, Message[]>()
  for (const message of messages) {
    const beside = behind.get(message.parent)
    if (beside === undefined) behind.set(message.parent, [message])
    else beside.push(message)
  }
  const rows: Row[] = []
  const open: { from: Message; depth: number }[] = []
  const part = (parent: string | null, depth: number) => {
    for (const from of (behind.get(parent) ?? []).slice().reverse()) open.push({ from, depth })
  }
  part(null, 0)
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const chain = [next.from]
    let children = behind.get(next.from.id) ?? []
    while (children.length === 1) {
      chain.push(children[0] as Message)
      children = behind.get((children[0] as Message).id) ?? []
    }
    rows.push({ chain, depth: next.depth })
    part((chain.at(-1) as Message).id, next.depth + 1)
  }
  return rows
}
