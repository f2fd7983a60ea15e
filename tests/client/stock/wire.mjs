// How a script talks to the test that started it: one JSON line for each thing told, asked or answered.

import { createInterface } from "node:readline";

const waiting = [];
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => waiting.shift()?.(JSON.parse(line)));
lines.on("close", () => process.exit(1));

export const tell = (what) => void process.stdout.write(`${JSON.stringify(what)}\n`);

// Have the test do what only it can; answers come in the order of the questions.
export function ask(what, details = {}) {
  tell({ ask: what, ...details });
  return new Promise((resolve) => waiting.push(resolve));
}
