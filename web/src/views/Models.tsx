// Which model answers, and how the real one comes here.
import { useEffect, useState } from "preact/hooks"
import { api } from "../api"
import { bytes, plain } from "../plain"
import { attempt, status } from "../state"
import type { Models as Known, Offer } from "../types"

const kWanted = "gemma-4-12b"

// What it takes of this machine, and whether that is there.
function Fits({ offer }: { offer: Offer }) {
  const lacks = [
    offer.fits_memory ? "" : `needs ${bytes(offer.memory_bytes)} of free memory, more than there is`,
    offer.fits_disk ? "" : `needs ${bytes(offer.disk_bytes)} of disk until it is packed, more than there is`,
  ].filter(Boolean)
  return (
    <span class={lacks.length === 0 ? "fits" : "lacks"}>
      {lacks.length === 0 ? `fits this machine: ${bytes(offer.memory_bytes)} of memory` : lacks.join("; ")}
    </span>
  )
}

export function Models() {
  const [known, setKnown] = useState<Known | null>(null)
  const look = () => void attempt(() => api.models()).then((models) => models && setKnown(models))
  const pull = known?.pulls[0]
  const running = pull?.state === "running"
  useEffect(look, [status.value?.model])
  useEffect(() => {
    if (!running) return
    const timer = setInterval(look, 1000)
    return () => clearInterval(timer)
  }, [running])
  if (known === null || known.loaded?.startsWith(kWanted)) return null
  const stored = known.models.filter((one) => one.name.startsWith(kWanted))
  return (
    <section class="models" aria-label="The model">
      <p>
        {known.loaded === "point" || known.loaded === "carat-point"
          ? "This is carat-point: a very small model that knows a small world. You can talk to it meanwhile."
          : `The model is ${known.loaded ?? "not loaded"}.`}
      </p>
      {stored.map((one) => (
        <p key={one.name}>
          <button class="main" onClick={() => void attempt(() => api.load(one.name)).then(look)}>Talk to {one.name} instead</button>
        </p>
      ))}
      {running && (
        <p>
          {pull.part < 1 ? `${pull.name} is being fetched.` : `${pull.name} is being packed.`}{" "}
          <progress value={pull.part} max={1} aria-label="How much of it is here" />
        </p>
      )}
      {pull?.state === "failed" && (
        <p class="problem">{pull.name} could not be fetched: {plain(pull.error ?? "its server or this machine stopped it")}. What has come stays; fetching goes on from there.</p>
      )}
      {!running && stored.length === 0 && known.offers.length > 0 && (
        <ul class="offers">
          {known.offers.map((offer) => (
            <li key={offer.name}>
              <button disabled={!offer.fits_disk || !offer.fits_memory}
                onClick={() => void attempt(() => api.pull(offer.name)).then(look)}>
                Fetch {offer.name === kWanted ? "Gemma 4 12B" : offer.name}, {(offer.download_bytes / 1e9).toFixed(1)} GB
              </button>
              <span>{offer.description}</span>
              <Fits offer={offer} />
            </li>
          ))}
        </ul>
      )}
      {known.offers.length === 0 && <p>Nothing is fetched here: carat was started, or built, to stay offline.</p>}
    </section>
  )
}
