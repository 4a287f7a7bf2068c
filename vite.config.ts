import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const source = resolve(import.meta.dirname, "static/src");
const pages = resolve(source, "pages.ts");

const MIN_COMPRESSED_BYTES = 1024;
const LARGE_BYTES = 1_000_000;

/** Writes a compressed twin beside each script and style sheet; the web process sends it as it is. */
function twins(): Plugin {
  return {
    name: "twins",
    apply: "build",
    writeBundle({ dir }) {
      const folder = resolve(dir ?? ".", "assets");
      for (const name of readdirSync(folder).filter((each) => /\.(js|css|svg)$/.test(each))) {
        const bytes = readFileSync(resolve(folder, name));
        if (bytes.length >= MIN_COMPRESSED_BYTES) {
          writeFileSync(resolve(folder, `${name}.gz`), gzipSync(bytes, { level: 9 }));
          // The hardest setting takes seconds for what is large, and saves little there.
          const quality = bytes.length > LARGE_BYTES ? 9 : constants.BROTLI_MAX_QUALITY;
          const params = { [constants.BROTLI_PARAM_QUALITY]: quality };
          writeFileSync(resolve(folder, `${name}.br`), brotliCompressSync(bytes, { params }));
        }
      }
    },
  };
}

/** Of each font of the formulas only the format that every browser we build for reads. */
function newestFonts(): Plugin {
  return {
    name: "newest-fonts",
    enforce: "pre",
    transform(code, id) {
      return id.includes("katex") && id.endsWith(".css")
        ? code.replace(/,\s*url\([^)]*\.(?:woff|ttf)\)\s*format\([^)]*\)/g, "")
        : null;
    },
  };
}

/** Entries: the chat, the administration, the API's pages, what plain pages share. Everything is hashed and local. */
export default defineConfig({
  root: source,
  base: "./",
  publicDir: false,
  plugins: [newestFonts(), twins()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: resolve(import.meta.dirname, "static/dist"),
    emptyOutDir: true,
    manifest: "manifest.json",
    // A data: address would need a wider content policy; small files stay files.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    cssTarget: ["chrome111", "safari16.4", "firefox114"],
    reportCompressedSize: true,
    rollupOptions: {
      input: {
        chat: resolve(source, "chat/main.tsx"),
        admin: resolve(source, "admin/main.ts"),
        connect: resolve(source, "connect/main.ts"),
        docs: resolve(source, "docs/main.ts"),
        ...(existsSync(pages) ? { pages } : {}),
      },
      output: {
        entryFileNames: "assets/[name]-[hash].js",
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
  },
});
