// What a check is given: a server, people with the stock client, and a way to ask for things only the server can do.

import { LoroAdaptor, LoroEphemeralAdaptor } from "loro-adaptors/loro";
import { EphemeralStore, LoroDoc } from "loro-crdt";
import { LoroWebsocketClient } from "loro-websocket";

export const PATIENCE_MS = 15_000;
const STEP_MS = 10;

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Wait for something to become true. Throws with what was awaited.
export async function until(what, holds) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await pause(STEP_MS)) {
    if (holds()) return;
  }
  throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
}

export function expect(what, holds) {
  if (!holds) throw new Error(`not so: ${what}`);
}

// The same for every order of keys, which differs from one document to the next.
export const canonical = (value) =>
  JSON.stringify(value, (_, part) =>
    part && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort())
      : part,
  );

export const same = (...people) => new Set(people.map((person) => canonical(person.doc.toJSON()))).size === 1;

export class World {
  constructor({ url, tokens, room, ask }) {
    Object.assign(this, { url, tokens, room, ask });
    this.people = [];
  }

  // Somebody at the server's door, in no room yet.
  async person(token, options = {}) {
    const person = new Person(this, token, options);
    this.people.push(person);
    await person.client.waitConnected();
    return person;
  }

  // Somebody in the room who has read all of it.
  async member(token = this.tokens.editor, options = {}) {
    const person = await this.person(token, options);
    await person.join();
    await person.room.waitForReachingServerVersion();
    return person;
  }

  leave() {
    for (const person of this.people.splice(0)) person.client.destroy();
  }
}

class Person {
  constructor(world, token, { doc = new LoroDoc(), slow = 0, ...options }) {
    Object.assign(this, { world, token, doc, slow });
    Object.assign(this, { statuses: [], refusals: [], faults: [], applied: 0, closes: [], acks: 0 });
    this.client = new LoroWebsocketClient({
      url: world.url,
      reconnect: { initialDelayMs: 50, maxDelayMs: 250 },
      onError: (error) => this.faults.push(error.message),
      ...options,
    });
    this.adaptor = new LoroAdaptor(doc, { onUpdateError: (_updates, _code, reason) => this.refusals.push(reason) });
    this._count();
  }

  // A token as the client sends it; a slow one comes after the first edits of a new connection.
  async auth() {
    await pause(this.slow);
    return new TextEncoder().encode(this.token);
  }

  async join(name = this.world.room) {
    this.room = await this.client.join({
      roomId: name,
      crdtAdaptor: this.adaptor,
      auth: () => this.auth(),
      onStatusChange: (status) => this.statuses.push(status),
    });
    this.watchClose();
  }

  // Presence in the same room: a store whose changes everybody there sees.
  async appear(store = new EphemeralStore(45_000)) {
    this.presence = store;
    const crdtAdaptor = new LoroEphemeralAdaptor(store);
    await this.client.join({ roomId: this.world.room, crdtAdaptor, auth: () => this.auth() });
    return store;
  }

  // Call again after a reconnect: a new connection is another socket.
  watchClose() {
    this.client.socket.addEventListener("close", ({ code, reason }) => this.closes.push({ code, reason }));
  }

  // A pipeline of the draft, made by whoever comes first.
  pipeline(id) {
    return this.doc.getMap("pipelines").ensureMergeableMap(id);
  }

  set(id, key, value) {
    this.pipeline(id).set(key, value);
    this.doc.commit();
  }

  get(id, key) {
    return this.doc.toJSON().pipelines?.[id]?.[key];
  }

  // The client tells nobody what was acknowledged, nor what came in.
  _count() {
    const consume = this.client.consumeSentBatch.bind(this.client);
    this.client.consumeSentBatch = (batch) => {
      const sent = consume(batch);
      if (sent) this.acks += 1;
      return sent;
    };
    const apply = this.adaptor.applyUpdate.bind(this.adaptor);
    this.adaptor.applyUpdate = (updates) => {
      this.applied += updates.reduce((sum, update) => sum + update.length, 0);
      return apply(updates);
    };
  }
}
