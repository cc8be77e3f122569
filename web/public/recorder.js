// In the browser's thread for sound: passes on what the microphone gives.
registerProcessor("recorder", class extends AudioWorkletProcessor {
  process([input]) {
    if (input[0] !== undefined) this.port.postMessage(input[0].slice())
    return true
  }
})
