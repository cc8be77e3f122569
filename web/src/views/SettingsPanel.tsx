import { useEffect, useState } from "preact/hooks"
import { changeSettings, current, settings } from "../state"
import type { Settings } from "../types"

const kNumbers: { key: "temperature" | "top_p" | "top_k" | "max_tokens" | "seed"; name: string; step: number; min: number; max: number }[] = [
  { key: "temperature", name: "Temperature", step: 0.1, min: 0, max: 2 },
  { key: "top_p", name: "Top p", step: 0.05, min: 0, max: 1 },
  { key: "top_k", name: "Top k", step: 1, min: 0, max: 1000 },
  { key: "max_tokens", name: "Most tokens of an answer", step: 1, min: 1, max: 100_000 },
  { key: "seed", name: "Seed", step: 1, min: 0, max: 2_000_000_000 },
]

const kPresets: Record<string, Settings> = {
  "As the model's makers set it": {},
  Exact: { temperature: 0 },
  "Thinks first": { reasoning_effort: "medium" },
}

export function SettingsPanel({ onClose }: { onClose: () => void }) {
  const value = current.value?.settings ?? settings.value
  const set = (change: Partial<Settings>) => {
    const next = { ...value, ...change }
    for (const key of Object.keys(next) as (keyof Settings)[]) if (next[key] === undefined) delete next[key]
    void changeSettings(next)
  }
  // What is being typed is not given up because an answer has ended meanwhile.
  const [system, setSystem] = useState(value.system ?? "")
  useEffect(() => setSystem(value.system ?? ""), [current.value?.id, value.system])
  return (
    <section class="panel" aria-label="Settings">
      <h2>{current.value === null ? "Settings of new conversations" : "Settings of this conversation"}</h2>
      <label>
        Preset
        <select value="" onChange={(event) => {
          const preset = kPresets[event.currentTarget.value]
          if (preset === undefined) return
          void changeSettings({ ...preset, ...(value.system === undefined ? {} : { system: value.system }) })
        }}>
          <option value="">…</option>
          {Object.keys(kPresets).map((name) => <option key={name}>{name}</option>)}
        </select>
      </label>
      <label>
        What it is told before everything
        <textarea rows={4} dir="auto" value={system} onInput={(event) => setSystem(event.currentTarget.value)}
          onChange={(event) => set({ system: event.currentTarget.value || undefined } as Partial<Settings>)} />
      </label>
      <label>
        Thinks
        <select value={value.reasoning_effort ?? "none"}
          onChange={(event) => set({ reasoning_effort: event.currentTarget.value as "none" })}>
          <option value="none">not</option>
          <option value="low">a little</option>
          <option value="medium">some</option>
          <option value="high">long</option>
        </select>
      </label>
      {kNumbers.map(({ key, name, step, min, max }) => (
        <label key={key}>
          {name}
          <input type="number" step={step} min={min} max={max} value={value[key] ?? ""} placeholder="as usual"
            onChange={(event) => {
              const text = event.currentTarget.value
              set({ [key]: text === "" ? undefined : Number(text) } as Partial<Settings>)
            }} />
        </label>
      ))}
      <button onClick={onClose}>Close</button>
    </section>
  )
}
