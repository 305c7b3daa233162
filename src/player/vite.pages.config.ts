// The pages that streamd has built in: the dashboard, a stream's page and the embedded player.
import { defineConfig, loadEnv } from "vite";

const daemon = loadEnv("development", ".", "STREAM_").STREAM_API_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  resolve: { alias: { "#assets": decodeURIComponent(new URL("web/assets.ts", import.meta.url).pathname) } },
  root: "pages",
  base: "/",
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: true,
    // The pages' policy allows nothing but files of their own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { dashboard: "pages/index.html", watch: "pages/watch.html", embed: "pages/embed.html" },
    },
  },
  worker: { format: "es" },
  // `npm run dev:pages` shows the pages as they are edited, with a daemon behind them.
  server: {
    proxy: Object.fromEntries(
      ["/session", "/v1", "/play"].map((path) => [path, { target: daemon, ws: true }]),
    ),
  },
});
