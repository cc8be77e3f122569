// What the server keeps and says; src/api/carat/conversations.h in carat's source describes it.

export interface TextPart {
  type: "text"
  text: string
  name?: string
}

export interface MediaPart {
  type: "image" | "audio" | "video"
  media: string // its SHA-256
  name?: string
  budget?: number
  frames?: number
}

export type Part = TextPart | MediaPart

export interface Report {
  reason?: string
  message?: string
  prompt?: number
  cached?: number
  generated?: number
  thinking?: number
  drafted?: number
  accepted?: number
  prefill_s?: number
  decode_s?: number
  warnings?: string[]
}

export interface Body {
  content: string | Part[]
  reasoning?: string
  thinking_s?: number
  tool_calls?: { name: string; arguments: unknown }[]
  carat?: Report
}

export interface Message {
  id: string
  parent: string | null
  role: "user" | "assistant"
  state: "whole" | "writing" | "cut"
  created_ms: number
  body: Body
}

export interface Summary {
  id: string
  title: string
  created_ms: number
  updated_ms: number
}

export interface Settings {
  system?: string
  temperature?: number
  top_p?: number
  top_k?: number
  min_p?: number
  seed?: number
  max_tokens?: number
  reasoning_effort?: "none" | "low" | "medium" | "high"
}

export interface Conversation extends Summary {
  settings: Settings
  leaf: string | null
  messages: Message[]
}

export interface Hit {
  conversation: string
  message?: string
  title: string
  snippet: string
}

export interface Preset {
  name: string
  settings: Settings
}

export interface Offer {
  name: string
  description: string
  download_bytes: number
  disk_bytes: number
  memory_bytes: number
  fits_disk: boolean
  fits_memory: boolean
}

export interface Models {
  loaded: string | null
  models: { name: string; bytes: number }[]
  pulls: { name: string; state: "running" | "done" | "failed"; part: number; error?: string }[]
  offers: Offer[]
}

export interface Status {
  version: string
  model: string | null
  plan?: Record<string, number>
  slots?: { state: string; tokens: number; idle_s: number }[]
  answers?: { waiting: number; running: number; taken: number }
  tokens?: { prompt: number; cached: number; generated: number }
  times?: {
    decode_tokens_per_s: number | null
    prefill_tokens_per_s: number | null
    rows_per_pass: number | null
  }
  drafting?: { drafted: number; accepted: number; state?: string }
}
