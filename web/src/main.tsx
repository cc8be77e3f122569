import { render } from "preact"
import { takeCode } from "./api"
import { start } from "./state"
import "./style.css"
import { App } from "./views/App"

await takeCode().catch(() => undefined)
render(<App />, document.body)
void start()
