// The built files are committed in src/page/files, so that building carat needs no Node.
import preact from "@preact/preset-vite"
import { defineConfig } from "vite"

export default defineConfig({
  base: "/",
  plugins: [preact({ reactAliasesEnabled: false, prefreshEnabled: false })],
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
        chunkFileNames: "[name].js",
        assetFileNames: "[name][extname]",
        manualChunks: (id) => (/node_modules.katex/.test(id) ? "katex" : /node_modules.highlight/.test(id) ? "highlight" : undefined),
      },
    },
  },
})
