import { useState } from "preact/hooks"
import { api } from "../api"
import { plain } from "../plain"
import { attempt, changeSettings, current, presets, problem, refreshPresets, settings } from "../state"
import { NumberField } from "./NumberField"
import type { Settings } from "../types"

const kNumbers: { key: "temperature" | "top_p" | "top_k" | "min_p" | "max_tokens" | "seed"; name: string; step: number; min: number; max: number }[] = [
  { key: "temperature", name: "Temperature", step: 0.1, min: 0, max: 2 },
  { key: "top_p", name: "Top p", step: 0.05, min: 0, max: 1 },
  { key: "top_k", name: "Top k", step: 1, min: 0, max: 1000 },
  { key: "min_p", name: "Min p", step: 0.01, min: 0, max: 1 },
  { key: "max_tokens", name: "Most tokens of an answer", step: 1, min: 1, max: 100_000 },
  { key: "seed", name: "Seed", step: 1, min: 0, max: 2_000_000_000 },
]

const kPresets: { name: string; settings: Settings }[] = [
  { name: "As the model's makers set it", settings: {} },
  { name: "Exact", settings: { temperature: 0 } },
  { name: "Thinks first", settings: { reasoning_effort: "medium" } },
]

// Carat's own keep what the model is told; those of one's own bring all that they hold.
function Presets({ value }: { value: Settings }) {
  const own = presets.value
  const take = (choice: string) => {
    const at = Number(choice.slice(1))
    if (choice.startsWith("o")) void changeSettings(() => own[at]?.settings ?? {})
    const preset = choice.startsWith("c") ? kPresets[at] : undefined
    if (preset === undefined) return
    void changeSettings(({ system }) => ({ ...preset.settings, ...(system === undefined ? {} : { system }) }))
  }
  const keep = async () => {
    const name = prompt("Name of the preset")?.trim()
    if (!name) return
    if (own.some((one) => one.name === name) && !confirm(`There is a preset “${plain(name)}” already. Replace it?`)) return
    await attempt(() => api.keepPreset({ name, settings: value }))
    await refreshPresets()
  }
  const drop = async (name: string) => {
    if (!confirm(`Forget the preset “${plain(name)}”?`)) return
    await attempt(() => api.dropPreset(name))
    await refreshPresets()
  }
  return (
    <div class="presets">
      <label>
        Preset
        <select value="" onChange={(event) => take(event.currentTarget.value)}>
          <option value="">…</option>
          {kPresets.map(({ name }, at) => <option key={name} value={`c${at}`}>{name}</option>)}
          {own.length > 0 && (
            <optgroup label="Your own">
              {own.map(({ name }, at) => <option key={name} value={`o${at}`}>{plain(name)}</option>)}
            </optgroup>
          )}
        </select>
      </label>
      <button onClick={() => void keep()}>Keep these as a preset …</button>
      {own.map(({ name }) => (
        <button key={name} aria-label={`Forget the preset ${plain(name)}`} onClick={() => void drop(name)}>{plain(name)} ×</button>
      ))}
    </div>
  )
}

export function SettingsPanel({ onClose }: { onClose: () => void }) {
  const value = current.value?.settings ?? settings.value
  const set = (change: Partial<Settings>) =>
    void changeSettings((now) => {
      const next = { ...now, ...change }
      for (const key of Object.keys(next) as (keyof Settings)[]) if (next[key] === undefined) delete next[key]
      return next
    })
  // What is being typed is not given up because an answer has ended meanwhile.
  const [typed, setTyped] = useState<string | null>(null)
  return (
    <section class="panel" aria-label="Settings" onKeyDown={(event) => {
      if (event.key !== "Escape") return
      event.stopPropagation()
      onClose()
    }}>
      <h2>{current.value === null ? "Settings of new conversations" : "Settings of this conversation"}</h2>
      <Presets value={value} />
      <label>
        What it is told before everything
        <textarea rows={4} dir="auto" value={typed ?? value.system ?? ""} onInput={(event) => setTyped(event.currentTarget.value)}
          onChange={(event) => {
            setTyped(null)
            set({ system: event.currentTarget.value || undefined } as Partial<Settings>)
          }} />
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
          <NumberField label={name} value={value[key]} min={min} max={max} step={step} placeholder="as usual"
            onChange={(number) => set({ [key]: number } as Partial<Settings>)}
            onWrong={() => (problem.value = `${name}: a number from ${min} to ${max}.`)} />
        </label>
      ))}
      <button onClick={onClose}>Close</button>
    </section>
  )
}
