// The npm package: one self-contained module. Workers, the sound worklet and the wasm module are inside of it, so that
// it works from any origin and through any bundler.
import { defineConfig } from "vite";

export default defineConfig({
  resolve: { alias: { "#assets": decodeURIComponent(new URL("web/assets.inline.ts", import.meta.url).pathname) } },
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: true,
    // Everything that is imported as a file is small enough to be inside.
    assetsInlineLimit: 8 << 20,
    lib: {
      entry: { player: "web/index.ts", react: "web/react/index.tsx" },
      formats: ["es"],
    },
    rollupOptions: { external: ["react", "react/jsx-runtime"] },
  },
  worker: { format: "es" },
});
