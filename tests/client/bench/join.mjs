// The stock client joins a draft: node join.mjs '{"url": ..., "room": ..., "token": ..., "times": ..., "pipelines": ..., "first": ...}'.
//
// Prints for each time the milliseconds from an open connection until the document is there and can be read, and until
// all that it says was read.

import { LoroAdaptor } from "loro-adaptors/loro";
import { LoroDoc } from "loro-crdt";
import { LoroWebsocketClient } from "loro-websocket";

const { url, room, token, times, pipelines, first } = JSON.parse(process.argv[2]);
const found = [];

for (let time = 0; time < times; time++) {
  const doc = new LoroDoc();
  const client = new LoroWebsocketClient({ url });
  await client.waitConnected();
  const opened = performance.now();
  const crdtAdaptor = new LoroAdaptor(doc);
  const joined = await client.join({ roomId: room, crdtAdaptor, auth: () => new TextEncoder().encode(token) });
  await joined.waitForReachingServerVersion();
  if (!doc.getByPath(`pipelines/${first}/schedule`)) throw new Error(`no schedule in ${first}`);
  const there = performance.now();
  const read = Object.keys(doc.toJSON().pipelines).length;
  found.push({ there: there - opened, read: performance.now() - opened });
  if (read !== pipelines) throw new Error(`${read} pipelines, not ${pipelines}`);
  client.destroy();
}

console.log(JSON.stringify(found));
process.exit(0);
