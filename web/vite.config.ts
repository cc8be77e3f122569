// The built files are committed in src/page/files, so that building carat needs no Node.
import preact from "@preact/preset-vite"
import { readdirSync, readFileSync } from "node:fs"
import { defineConfig, type Plugin } from "vite"

// What pdf.js asks for while it reads: its worker, tables of characters, fonts that documents lack.
const kPdf = "node_modules/pdfjs-dist"
function pdfFiles(): Plugin {
  return {
    name: "pdf-files",
    generateBundle() {
      const emit = (fileName: string, from: string) =>
        this.emitFile({ type: "asset", fileName, source: readFileSync(`${kPdf}/${from}`) })
      emit("pdf/worker.js", "legacy/build/pdf.worker.min.mjs")
      emit("pdf/openjpeg_nowasm_fallback.js", "wasm/openjpeg_nowasm_fallback.js")
      for (const name of ["LICENSE_OPENJPEG", "LICENSE_PDFJS_OPENJPEG"]) emit(`pdf/${name}`, `wasm/${name}`)
      emit("pdf/LICENSE", "LICENSE")
      for (const [to, from] of [["cmaps", "cmaps"], ["fonts", "standard_fonts"]] as const)
        for (const name of readdirSync(`${kPdf}/${from}`)) emit(`pdf/${to}/${name}`, `${from}/${name}`)
    },
  }
}

export default defineConfig({
  base: "/",
  plugins: [preact({ reactAliasesEnabled: false, prefreshEnabled: false }), pdfFiles()],
  build: {
    target: "es2022",
    outDir: "../src/page/files",
    emptyOutDir: true,
    modulePreload: false,
    assetsInlineLimit: 0,
    // Names that do not change: the files are compared with what the source builds to.
    rollupOptions: {
      output: {
        entryFileNames: "page.js",
        chunkFileNames: ({ name }) => (name.startsWith("pdf") ? "pdf/[name].js" : "[name].js"),
        assetFileNames: "[name][extname]",
        manualChunks: (id) => /node_modules.(katex|highlight|pdfjs)/.exec(id)?.[1],
      },
    },
  },
})
