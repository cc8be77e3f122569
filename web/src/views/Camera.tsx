import { useEffect, useRef } from "preact/hooks"
import { attempt } from "../state"

// One picture of the camera, as a file.
export function Camera({ onTaken, onClose }: { onTaken: (file: File) => void; onClose: () => void }) {
  const video = useRef<HTMLVideoElement>(null)
  useEffect(() => {
    let stream: MediaStream | null = null
    let gone = false
    const end = () => stream?.getTracks().forEach((track) => track.stop())
    void attempt(() => navigator.mediaDevices.getUserMedia({ video: true })).then((got) => {
      if (got === undefined) return gone ? undefined : onClose()
      stream = got
      if (gone) return end() // closed while the browser asked
      if (video.current !== null) video.current.srcObject = got
    })
    return () => {
      gone = true
      end()
    }
  }, [])
  const take = () => {
    const from = video.current
    if (from === null || from.videoWidth === 0) return
    const canvas = document.createElement("canvas")
    canvas.width = from.videoWidth
    canvas.height = from.videoHeight
    canvas.getContext("2d")?.drawImage(from, 0, 0)
    canvas.toBlob((blob) => {
      if (blob !== null) onTaken(new File([blob], `photo ${new Date().toLocaleTimeString()}.jpg`, { type: "image/jpeg" }))
    }, "image/jpeg", 0.92)
  }
  return (
    <div class="camera">
      <video ref={video} autoplay muted playsInline aria-label="What the camera sees" />
      <button type="button" class="main" onClick={take}>Take the picture</button>
      <button type="button" onClick={onClose}>Close</button>
    </div>
  )
}
