// Builds the page into the package that serves it: node console/build.mjs [FOLDER]. The same source gives the same bytes.
//
// The packages come out of console/node_modules, or else out of those that the client tests have installed anyway:
// a test holds the two locks to the same versions.

import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const target = resolve(process.argv[2] ?? join(root, "appliance", "entrypoints", "console"));
const modules = [join(here, "node_modules"), join(root, "tests", "client", "node_modules")].filter(existsSync);
const BUNDLED = ["loro-adaptors", "loro-crdt", "loro-protocol", "loro-websocket"];

const load = createRequire(join(modules[0], "any.js"));
const { build } = load("esbuild");

const common = {
  bundle: true,
  minify: true,
  write: false,
  charset: "ascii",
  legalComments: "none",
  logLevel: "warning",
  nodePaths: modules,
  absWorkingDir: root,
};

async function script() {
  const built = await build({
    ...common,
    entryPoints: ["console/src/main.js"],
    format: "esm",
    target: ["chrome111", "firefox114", "safari16.4"],
    // The adaptors ask for "loro-crdt"; this is the flavour of it that a page starts by itself.
    alias: { "loro-crdt": "loro-crdt/web" },
  });
  return built.outputFiles[0].contents;
}

async function styles() {
  const built = await build({ ...common, entryPoints: ["console/src/console.css"] });
  return built.outputFiles[0].contents;
}

// Compressors differ from machine to machine, so a module that is there already keeps its bytes.
async function wasm(name) {
  const content = await readFile(load.resolve("loro-crdt/web/loro_wasm_bg.wasm"));
  const there = existsSync(name) ? await readFile(name) : undefined;
  return there && gunzipSync(there).equals(content) ? there : gzipSync(content, { level: 9 });
}

async function licences() {
  const home = (name) => modules.map((folder) => join(folder, name)).find(existsSync);
  const told = [];
  for (const name of BUNDLED) {
    const { version, license } = JSON.parse(await readFile(join(home(name), "package.json"), "utf8"));
    told.push(`${name} ${version}: ${license ?? "see its project"}`);
  }
  const text = await readFile(join(home("loro-crdt"), "LICENSE"), "utf8");
  return `The page holds these packages of the Loro project:\n\n${told.join("\n")}\n\n${text.trim()}\n`;
}

await mkdir(target, { recursive: true });
await writeFile(join(target, "index.html"), await readFile(join(here, "src", "index.html")));
await writeFile(join(target, "console.js"), await script());
await writeFile(join(target, "console.css"), await styles());
await writeFile(join(target, "LICENSES.txt"), await licences());
await writeFile(join(target, "loro.wasm.gz"), await wasm(join(target, "loro.wasm.gz")));
