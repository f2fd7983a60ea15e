// Editors that load one document: node load.mjs '{"dialect": ..., "url": ..., "editors": ..., ...}'.
//
// With `rate` so many edits a second are sent in all, whatever comes back, and times count from when an edit was due.
// Without it every editor has `window` edits on the way and sends the next one when one is acknowledged. Tells one
// line of JSON when measuring begins, one when it ends, and one with the numbers; with `settle` not before everything is
// acknowledged.

import { WebSocket } from "ws";
import { LoroDialect } from "./loro_dialect.mjs";
import { YjsDialect } from "./yjs_dialect.mjs";

const PATIENCE_MS = 60_000;
const asked = JSON.parse(process.argv[2]);
const dialect = new { loro: LoroDialect, yjs: YjsDialect }[asked.dialect](asked);

const now = () => performance.now();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const acks = [];
const fanout = [];
const sentAt = new Map();
let stage = "before";
let refused = 0;
let frames = 0;

class Editor {
  constructor(place, edits, token) {
    Object.assign(this, { place, edits, token, sent: 0, acknowledged: 0, times: [] });
  }

  // Resolves once the document is there.
  async open() {
    this.socket = new WebSocket(asked.url, { perMessageDeflate: false, skipUTF8Validation: true });
    this.socket.on("error", fail);
    this.socket.on("close", (code, reason) => stage === "over" || fail(new Error(`closed: ${code} ${reason}`)));
    await new Promise((resolve) => this.socket.on("open", resolve));
    await new Promise((joined) => {
      const news = this.place < asked.observers ? seen : undefined;
      const hear = { joined, news, acked: (edit, ok) => this.acked(edit, ok) };
      this.socket.on("message", (message, binary) => {
        frames += 1;
        if (binary) dialect.read(message, hear);
      });
      for (const message of dialect.join(this.token)) this.socket.send(message);
    });
  }

  send(due = now()) {
    const edit = this.edits[this.sent];
    if (edit === undefined) fail(new Error(`editor ${this.place} has no edits left`));
    this.times[this.sent] = due;
    if (asked.observers) sentAt.set(dialect.name(edit), due);
    this.socket.send(dialect.update(edit, this.sent));
    this.sent += 1;
  }

  acked(edit = this.acknowledged, ok) {
    this.acknowledged += 1;
    if (!ok) refused += 1;
    else if (stage === "measuring") acks.push(now() - this.times[edit]);
    if (stage !== "draining" && !asked.rate) this.send();
  }
}

function fail(error) {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
}

function seen(name) {
  const at = stage === "measuring" && sentAt.get(name);
  if (at) fanout.push(now() - at);
}

const token = (place) => asked.tokens[place % asked.tokens.length];

// The first editor brings what all of them edit.
async function seed(editor) {
  const edits = editor.edits;
  editor.edits = [dialect.base];
  stage = "draining";
  editor.send();
  await drained([editor]);
  if (refused) fail(new Error("the base was refused"));
  stage = "before";
  Object.assign(editor, { edits, sent: 0, acknowledged: 0 });
}

function at_rate(editors) {
  const began = now();
  let issued = 0;
  return setInterval(() => {
    for (; ; issued++) {
      const due = began + (issued / asked.rate) * 1000;
      if (due > now()) return;
      editors[issued % editors.length].send(due);
    }
  }, 1);
}

async function drained(editors) {
  const outstanding = () => editors.some((one) => one.acknowledged < one.sent);
  for (const end = now() + PATIENCE_MS; outstanding() && now() < end; ) await pause(10);
  if (outstanding()) fail(new Error(`not everything was acknowledged within ${PATIENCE_MS} ms`));
}

function percentiles(samples) {
  const ordered = Float64Array.from(samples).sort();
  const at = (share) => ordered[Math.max(0, Math.ceil(ordered.length * share) - 1)];
  return ordered.length ? { p50: at(0.5), p99: at(0.99), count: ordered.length } : null;
}

const editors = Array.from({ length: asked.editors }, (_, place) => new Editor(place, dialect.edits[place], token(place)));
await editors[0].open();
await seed(editors[0]);
for (const editor of editors.slice(1)) await editor.open();
await pause(300);

const timer = asked.rate ? at_rate(editors) : undefined;
if (!asked.rate) for (const editor of editors) for (let edit = 0; edit < asked.window; edit++) editor.send();
await pause(asked.warm * 1000);

tell({ stage: (stage = "measuring") });
const [began, before] = [now(), frames];
await pause(asked.seconds * 1000);
const seconds = (now() - began) / 1000;
const heard = frames - before;
clearInterval(timer);
stage = "draining";
tell({ stage });
if (asked.settle) await drained(editors);
stage = "over";
tell({
  stage,
  seconds,
  refused,
  acknowledged: editors.map((editor) => editor.acknowledged),
  operations: acks.length,
  frames: heard,
  ack: percentiles(acks),
  fanout: percentiles(fanout),
});
process.exit(0);
