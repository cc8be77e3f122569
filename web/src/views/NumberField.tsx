import { useState } from "preact/hooks"

interface Props {
  label: string
  value: number | undefined
  min: number
  max: number
  step?: number
  placeholder?: string
  onChange: (value: number | undefined) => void // when it has been typed; undefined: nothing stands there
  onWrong?: () => void // it is none, or out of its range: what held before holds
}

// A number that is typed: what stands there half is nobody else's, whatever is drawn meanwhile.
export function NumberField({ label, value, min, max, step = 1, placeholder = "", onChange, onWrong }: Props) {
  const [typed, setTyped] = useState<string | null>(null)
  return (
    <input type="number" aria-label={label} min={min} max={max} step={step} placeholder={placeholder}
      value={typed ?? value ?? ""}
      onInput={(event) => setTyped(event.currentTarget.validity.badInput ? null : event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key !== "Enter") return
        event.preventDefault() // it sends nothing
        event.currentTarget.blur()
      }}
      onChange={(event) => {
        const { value: text, validity } = event.currentTarget
        const number = Number(text)
        setTyped(null)
        if (validity.badInput || (text !== "" && (number < min || number > max))) {
          event.currentTarget.value = String(value ?? "")
          onWrong?.()
        } else onChange(text === "" ? undefined : number)
      }} />
  )
}
