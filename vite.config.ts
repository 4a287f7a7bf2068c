import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin, type Rolldown } from "vite";

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

/** What draws answers is fetched beside the start of the chat. */
const DRAWER = resolve(source, "chat/growing.ts");

/** The entries that need this module at once, and the drawer of answers where it does. */
function entriesOf(id: string, graph: Rolldown.ChunkingContext): Set<string> {
  const entries = new Set<string>();
  const seen = new Set<string>();
  const look = (module: string): void => {
    const info = graph.getModuleInfo(module);
    if (info === null || seen.has(module)) {
      return;
    }
    seen.add(module);
    if (info.isEntry) {
      entries.add(basename(dirname(module)));
    }
    if (module === DRAWER) {
      entries.add("drawer");
    }
    info.importers.forEach(look);
  };
  look(id);
  return entries;
}

/** What the chat shares with other pages, by whom it is shared. */
const shared: Rolldown.CodeSplittingNameFunction = (id, graph) => {
  const entries = entriesOf(id, graph);
  entries.delete("drawer");
  return entries.has("chat") && entries.size > 1 ? [...entries].sort().join("-") : null;
};

/**
 * What only the chat needs at once comes in one file, and so does what draws answers: without this,
 * each module that a lazy part needs too would be a file, and a request, of its own.
 */
const atOnce: Rolldown.CodeSplittingNameFunction = (id, graph) => {
  const entries = entriesOf(id, graph);
  return ["chat", "drawer"].find((each) => entries.has(each)) ?? null;
};

/** Entries: a page or a few each, and the service worker. Everything is hashed and local. */
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
        offline: resolve(source, "offline/main.ts"),
        worker: resolve(source, "worker/main.ts"),
        ...(existsSync(pages) ? { pages } : {}),
      },
      output: {
        entryFileNames: "assets/[name]-[hash].js",
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
        codeSplitting: {
          groups: [
            { name: shared, debugName: "shared", priority: 2 },
            { name: atOnce, debugName: "at once", priority: 1 },
          ],
        },
      },
    },
  },
});
