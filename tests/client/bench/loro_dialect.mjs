// What the load says in loro-protocol v1, with edits that were made before (tests/bench/sync_edits.py).

import { readFileSync } from "node:fs";
import { number, Reader } from "./numbers.mjs";

const [JOIN, JOIN_OK, JOIN_ERROR, UPDATE, ROOM_ERROR, ACK] = [0, 1, 2, 3, 6, 8];
const BATCH = 8;

// Every update of the library has a checksum of its content here: good enough a name for it.
const CHECKSUM = 16;

export class LoroDialect {
  constructor({ file, room }) {
    const data = readFileSync(file);
    const reader = new Reader(data, 4);
    const head = JSON.parse(data.subarray(reader.at, reader.skip(data.readUInt32LE(0)) + data.readUInt32LE(0)));
    const next = () => {
      const size = data.readUInt16LE(reader.skip(2));
      const start = reader.skip(size);
      return data.subarray(start, start + size);
    };
    this.base = data.subarray(reader.skip(head.base), reader.at);
    this.edits = head.counts.map((count) => Array.from({ length: count }, next));
    this.key = Buffer.concat([Buffer.from("%LOR"), number(room.length), Buffer.from(room)]);
  }

  join(token) {
    return [Buffer.concat([this.key, Buffer.from([JOIN]), number(token.length), Buffer.from(token), number(0)])];
  }

  update(edit, place) {
    const batch = Buffer.alloc(BATCH);
    batch.writeUInt32LE(place);
    return Buffer.concat([this.key, Buffer.from([UPDATE, 1]), number(edit.length), edit, batch]);
  }

  name(edit, at = 0) {
    return edit.readUInt32LE(at + CHECKSUM);
  }

  // Tell what a message says; `news` only if somebody wants the names of the edits.
  read(message, { joined, acked, news }) {
    const at = this.key.length;
    const type = message[at];
    if (type === ACK) return acked(message.readUInt32LE(at + 1), message[at + 1 + BATCH] === 0);
    if (type === UPDATE) return news && this.#read_update(message, at + 1, news);
    if (type === JOIN_OK) return joined();
    if (type === JOIN_ERROR || type === ROOM_ERROR) throw new Error(`the server says ${message.subarray(at)}`);
  }

  #read_update(message, at, news) {
    const reader = new Reader(message, at);
    for (let left = reader.number(); left > 0; left--) {
      const size = reader.number();
      news(this.name(message, reader.skip(size)));
    }
  }
}
