// Mathematics as MathML, which browsers draw themselves: no fonts, no styles.
import katex from "katex"

export function formula(tex: string, display: boolean): string {
  return katex.renderToString(tex, {
    displayMode: display,
    output: "mathml",
    throwOnError: false,
    trust: false,
    maxExpand: 200,
    maxSize: 20,
  })
}
