import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { defineConfig } from "vite";

const root = import.meta.dirname;
const tests = resolve(root, "static/tests");

/**
 * Turns the tests of the page's pure modules into plain JavaScript for node's own test runner; with
 * `--mode page`, markdown.ts into one script for the page tests.
 */
export default defineConfig(({ mode }) => ({
  publicDir: false,
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build:
    mode === "page"
      ? {
          rollupOptions: {
            input: resolve(tests, "renderer.ts"),
            output: { entryFileNames: "renderer.js" },
          },
        }
      : {
          ssr: true,
          outDir: resolve(root, "build/page-tests"),
          emptyOutDir: true,
          target: "node20",
          rollupOptions: {
            input: Object.fromEntries(
              readdirSync(tests)
                .filter((name) => name.endsWith(".test.ts"))
                .map((name) => [name.replace(/\.ts$/, ""), resolve(tests, name)]),
            ),
            output: { entryFileNames: "[name].js" },
          },
        },
}));
