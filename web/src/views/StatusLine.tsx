import { useState } from "preact/hooks"
import { bytes } from "../plain"
import { kSpeeds, lost, speeds, status, used } from "../state"

// Tokens per second of the last two minutes.
function Curve() {
  const most = Math.max(1, ...speeds.value.map((one) => one.tokens))
  const points = speeds.value
    .map((one, index) => `${(index / (kSpeeds - 1)) * 240},${48 - (one.tokens / most) * 44}`).join(" ")
  return (
    <svg viewBox="0 0 240 50" role="img" aria-label={`Tokens per second, at most ${most.toFixed(0)}`}>
      <polyline points={points} fill="none" stroke="currentColor" stroke-width="1.5" />
    </svg>
  )
}

// The parts of a whole, drawn.
function Bar({ parts, name }: { parts: [string, number][]; name: string }) {
  const sum = parts.reduce((all, [, size]) => all + size, 0)
  let at = 0
  return (
    <figure>
      <svg viewBox="0 0 240 16" role="img" aria-label={`${name}: ${parts.map(([part, size]) => `${part} ${bytes(size)}`).join(", ")}`}>
        {parts.map(([part, size], index) => {
          const width = sum === 0 ? 0 : (size / sum) * 240
          const rect = <rect key={part} x={at} width={width} height="16" class={`part-${index}`} />
          at += width
          return rect
        })}
      </svg>
      <figcaption>{name}: {parts.map(([part, size]) => `${part} ${bytes(size)}`).join(" · ")}</figcaption>
    </figure>
  )
}

function Slots({ slots, context }: { slots: { state: string; tokens: number }[]; context: number }) {
  return (
    <figure>
      <svg viewBox={`0 0 240 ${slots.length * 14}`} role="img"
        aria-label={slots.map((slot) => `${slot.state}, ${slot.tokens} of ${context} positions`).join("; ")}>
        {slots.map((slot, index) => (
          <g key={index}>
            <rect x="0" y={index * 14} width="240" height="10" class="slot" />
            <rect x="0" y={index * 14} width={(slot.tokens / context) * 240} height="10" class={`slot-${slot.state}`} />
          </g>
        ))}
      </svg>
      <figcaption>Conversations in memory, of {context} positions each</figcaption>
    </figure>
  )
}

// A part of a whole, drawn.
function Share({ name, part }: { name: string; part: number }) {
  const percent = Math.round(100 * part)
  return (
    <figure>
      <svg viewBox="0 0 240 10" role="img" aria-label={`${name}: ${percent} %`}>
        <rect width="240" height="10" class="slot" />
        <rect width={240 * part} height="10" class="part-0" />
      </svg>
      <figcaption>{name}: {percent} %</figcaption>
    </figure>
  )
}

const kQueueShown = 24

// Answers that are being written, and those that wait for their turn.
function Queue({ running, waiting }: { running: number; waiting: number }) {
  const marks = Array.from({ length: Math.min(kQueueShown, running + waiting) })
  return (
    <figure>
      <svg viewBox="0 0 240 10" role="img" aria-label={`${running} answers are being written, ${waiting} wait`}>
        {marks.map((_, index) => <rect key={index} x={index * 10} width="8" height="10" class={index < running ? "part-0" : "slot"} />)}
      </svg>
      <figcaption>{running === 0 && waiting === 0 ? "No answer is being written" : `${running} being written, ${waiting} waiting`}</figcaption>
    </figure>
  )
}

export function StatusLine() {
  const [unfolded, setUnfolded] = useState(false)
  const now = status.value
  if (lost.value) return <footer class="status" role="status">The server does not answer. It is tried again.</footer>
  if (now === null) return <footer class="status" />
  const { plan, times, drafting, tokens, answers, slots } = now
  const speed = times?.decode_tokens_per_s
  const kept = drafting !== undefined && drafting.drafted > 0
    ? `drafts: ${Math.round((100 * drafting.accepted) / drafting.drafted)} % kept` : "no drafts"
  const memory = plan === undefined ? 0
    : Object.entries(plan).filter(([name]) => name.endsWith("_bytes")).reduce((sum, [, size]) => sum + size, 0)
  return (
    <footer class="status">
      <button aria-expanded={unfolded} onClick={() => setUnfolded(!unfolded)}>
        {[now.model ?? "no model loaded",
          speed == null ? null : `${speed.toFixed(1)} tokens/s`,
          kept, used.value > 0 && plan?.context !== undefined ? `context ${used.value} of ${plan.context}` : null, memory > 0 ? bytes(memory) : null,
          (answers?.waiting ?? 0) > 0 ? `${answers?.waiting} waiting` : null,
          "on this machine alone"].filter(Boolean).join(" · ")}
      </button>
      {unfolded && plan !== undefined && (
        <div class="details" tabIndex={0} role="region" aria-label="What the machine does">
          <Curve />
          <Bar name="Memory" parts={[
            ["weights", plan.weights_bytes ?? 0], ["conversations", plan.cache_bytes ?? 0],
            ["pictures and sound", plan.embedders_bytes ?? 0], ["drafter", plan.drafter_bytes ?? 0],
            ["the rest", (plan.vocabulary_bytes ?? 0) + (plan.program_bytes ?? 0)]]} />
          {slots !== undefined && <Slots slots={slots} context={plan.context ?? 1} />}
          <Queue running={answers?.running ?? 0} waiting={answers?.waiting ?? 0} />
          {tokens !== undefined && tokens.prompt > 0 && (
            <Share name="Of what was asked, read before" part={tokens.cached / tokens.prompt} />
          )}
          {drafting !== undefined && drafting.drafted > 0 && (
            <Share name="Of the drafted tokens, kept" part={drafting.accepted / drafting.drafted} />
          )}
          {drafting?.state !== undefined && <p>Drafting: {drafting.state}</p>}
        </div>
      )}
    </footer>
  )
}
