// Which model answers, and how the real one comes here.
import { useEffect, useState } from "preact/hooks"
import { api } from "../api"
import { attempt, status } from "../state"
import type { Models as Known } from "../types"

const kWanted = "gemma-4-12b"

export function Models() {
  const [known, setKnown] = useState<Known | null>(null)
  const look = () => void attempt(() => api.models()).then((models) => models && setKnown(models))
  const pull = known?.pulls.find((one) => one.name === kWanted)
  const running = pull?.state === "running"
  useEffect(look, [status.value?.model])
  useEffect(() => {
    if (!running) return
    const timer = setInterval(look, 1000)
    return () => clearInterval(timer)
  }, [running])
  if (known === null || known.loaded?.startsWith(kWanted)) return null
  const stored = known.models.find((one) => one.name.startsWith(kWanted))
  return (
    <section class="models" aria-label="The model">
      <p>
        {known.loaded === "point" || known.loaded === "carat-point"
          ? "This is carat-point: a very small model that knows a small world. "
          : `The model is ${known.loaded ?? "not loaded"}. `}
        {stored !== undefined
          ? <button onClick={() => void attempt(() => api.load(stored.name)).then(look)}>Talk to {stored.name} instead</button>
          : running
            ? <>Gemma 4 12B is being fetched. <progress value={pull.part} max={1} aria-label="How much of it is here" /></>
            : <button onClick={() => void attempt(() => api.pull(kWanted)).then(look)}>Fetch Gemma 4 12B, 7.4 GB</button>}
        {pull?.state === "failed" && " It could not be fetched; the server's log says why."}
      </p>
    </section>
  )
}
