import { defineConfig } from "vitest/config";

// One script and one style sheet under stable names: pages name them with a digest of their content in the
// query, so that no manifest is needed and the same sources give the same bytes everywhere.
export default defineConfig({
  base: "./",
  publicDir: false,
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
    rollupOptions: {
      input: "src/main.ts",
      output: {
        entryFileNames: "app.js",
        chunkFileNames: "[name].js",
        assetFileNames: (asset) => (asset.names.some((name) => name.endsWith(".css")) ? "app.css" : "fonts/[name][extname]"),
      },
    },
  },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.ts"],
  },
});
