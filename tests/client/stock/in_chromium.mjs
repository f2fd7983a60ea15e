// The checks in a headless Chromium: in_chromium.mjs SETTING BROWSER FOLDER.
//
// The page and everything it loads comes from a server of this script, out of FOLDER.

import { build } from "esbuild";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { ask, tell } from "./wire.mjs";

const [setting, executablePath, folder] = process.argv.slice(2);
const TYPES = { html: "text/html; charset=utf-8", js: "text/javascript", wasm: "application/wasm" };
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

async function bundle() {
  const entryPoints = [fileURLToPath(new URL("./in_page.mjs", import.meta.url))];
  const outfile = join(folder, "page.js");
  await build({ entryPoints, outfile, bundle: true, format: "esm", target: "chrome120", logLevel: "error" });
  const wasm = createRequire(import.meta.url).resolve("loro-crdt/browser/loro_wasm_bg.wasm");
  await copyFile(wasm, join(folder, "loro_wasm_bg.wasm"));
  const html = '<!doctype html><title>checks</title><script type="module" src="page.js"></script>';
  await writeFile(join(folder, "index.html"), html);
}

function serve() {
  const server = createServer(async ({ url }, answer) => {
    const name = url === "/" ? "index.html" : url.slice(1);
    const type = TYPES[name.split(".").at(-1)];
    if (!/^[a-z_]+\.[a-z]+$/.test(name) || !type) return answer.writeHead(404).end();
    answer.writeHead(200, { "Content-Type": type }).end(await readFile(join(folder, name)));
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));
}

await bundle();
const origin = `http://127.0.0.1:${await serve()}/`;
const profile = join(folder, "profile");
const context = await chromium.launchPersistentContext(profile, { executablePath, args: FLAGS, headless: true });
const page = await context.newPage();
page.on("pageerror", (fault) => tell({ check: "no error is left uncaught", error: String(fault.stack) }));
await page.exposeFunction("ask", ask);
await page.exposeFunction("tell", tell);
await page.goto(origin);
await page.waitForFunction("globalThis.run");
await page.evaluate((given) => globalThis.run(given), JSON.parse(setting));
await context.close();
process.exit(0);
