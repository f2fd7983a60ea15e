// What the load says to Hocuspocus: the y-protocol in its envelopes, with edits made here.

import * as Y from "yjs";
import { number, Reader } from "./numbers.mjs";

const [SYNC, AUTH, SYNC_REPLY, SYNC_STATUS] = [0, 2, 4, 8];
const [STEP_1, STEP_2, UPDATE] = [0, 1, 2];
const FIRST_EDITOR = 1000;

const text = (value) => Buffer.concat([number(value.length), Buffer.from(value)]);

export class YjsDialect {
  constructor({ room, pipelines, counts }) {
    const doc = new Y.Doc();
    doc.clientID = 1;
    doc.transact(() => {
      for (const pipeline of pipelines) doc.getMap("pipelines").set(pipeline, new Y.Map([["schedule", "0 0 * * *"]]));
    });
    this.base = Buffer.from(Y.encodeStateAsUpdate(doc));
    this.edits = counts.map((count, editor) => this.#edits_of(FIRST_EDITOR + editor, pipelines, count));
    this.key = text(room);
  }

  join(token) {
    const auth = Buffer.concat([this.key, Buffer.from([AUTH, 0]), text(token)]);
    return [auth, Buffer.concat([this.key, Buffer.from([SYNC, STEP_1, 1, 0])])];
  }

  update(edit) {
    return Buffer.concat([this.key, Buffer.from([SYNC, UPDATE]), number(edit.length), edit]);
  }

  // The client and the clock that an edit begins with.
  name(edit, at = 0) {
    const reader = new Reader(edit, at);
    reader.number();
    reader.number();
    return reader.number() * 1e7 + reader.number();
  }

  // Acknowledgements carry no name: they come in the order of the edits.
  read(message, { joined, acked, news }) {
    const reader = new Reader(message, this.key.length);
    const type = reader.number();
    if (type === SYNC_STATUS) return acked(undefined, reader.number() === 1);
    if (type !== SYNC && type !== SYNC_REPLY) return;
    const step = reader.number();
    if (step === STEP_2) return joined();
    if (step === UPDATE && news) {
      reader.number();
      news(this.name(message, reader.at));
    }
  }

  #edits_of(client, pipelines, count) {
    const doc = new Y.Doc();
    Y.applyUpdate(doc, this.base);
    doc.clientID = client;
    const made = [];
    doc.on("update", (update) => made.push(Buffer.from(update)));
    for (let edit = 0; edit < count; edit++) {
      const pipeline = doc.getMap("pipelines").get(pipelines[(edit + client) % pipelines.length]);
      pipeline.set("schedule", `${edit % 60} ${client % 24} * * *`);
    }
    return made;
  }
}
