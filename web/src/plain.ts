// Text that somebody else may have written, to be shown as it is.

// Characters that turn text around are shown as what they are, so that nothing looks like something
// else.
const kTurning = /[\u202A-\u202E\u2066-\u2069]/g

export function plain(text: string): string {
  return text.replace(kTurning, (c) => `\u{FFFD}U+${c.charCodeAt(0).toString(16).toUpperCase()}`)
}

export function bytes(n: number): string {
  const kMiB = 1024 * 1024
  return n >= 1024 * kMiB ? `${(n / (1024 * kMiB)).toFixed(1)} GiB` : `${Math.round(n / kMiB)} MiB`
}

export function download(name: string, type: string, text: string): void {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(new Blob([text], { type }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
