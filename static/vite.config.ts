import { readFileSync } from "node:fs";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** The licences of what is bundled go with it, as they ask. */
function licences(): Plugin {
  return {
    name: "licences",
    generateBundle() {
      for (const [name, source] of [
        ["fonts/LICENSE-inter.txt", "@fontsource-variable/inter/LICENSE"],
        ["fonts/LICENSE-jetbrains-mono.txt", "@fontsource-variable/jetbrains-mono/LICENSE"],
        ["LICENSE-htmx.txt", "htmx.org/LICENSE"],
        ["LICENSE-react.txt", "react/LICENSE"],
        ["LICENSE-elkjs.md", "elkjs/LICENSE.md"],
        ["LICENSE-codemirror.txt", "@codemirror/view/LICENSE"],
      ] as const) {
        this.emitFile({ type: "asset", fileName: name, source: readFileSync(`node_modules/${source}`, "utf8") });
      }
    },
  };
}

// One script and one style sheet under stable names: pages name them with a digest of their content in the
// query, so that no manifest is needed and the same sources give the same bytes everywhere. What only some pages
// need (the canvas, the layout worker) is loaded from them by names that hold a digest.
export default defineConfig({
  base: "./",
  publicDir: false,
  plugins: [licences()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    assetsDir: "",
    sourcemap: false,
    modulePreload: false,
    cssCodeSplit: false,
    reportCompressedSize: false,
    assetsInlineLimit: 0,
    // light-dark(), color-mix() and popovers are used as they are.
    target: ["chrome123", "edge123", "firefox128", "safari17.5"],
    rolldownOptions: {
      input: "src/main.ts",
      // What a part shares with the entry stands in a chunk of its own: a part that imported app.js without the
      // query of the page would start the whole page a second time.
      preserveEntrySignatures: "strict",
      // htmx holds an eval that its configuration in main.ts and the policy of the pages both switch off.
      checks: { eval: false },
      output: {
        entryFileNames: "app.js",
        chunkFileNames: "[name]-[hash].js",
        assetFileNames: (asset) =>
          asset.names.some((name) => name.endsWith(".css")) ? "app.css" : "fonts/[name]-[hash][extname]",
      },
    },
  },
  worker: {
    format: "es",
    rolldownOptions: { output: { entryFileNames: "[name]-[hash].js", chunkFileNames: "[name]-[hash].js" } },
  },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}"],
    // A window for each file would take four times as long as the tests.
    isolate: false,
  },
});
