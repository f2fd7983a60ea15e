// Who is in the draft, in which pipeline and field. Never stored.

import { EphemeralStore } from "loro-crdt";
import { random } from "./api.js";

const BEAT_MS = 15_000;
const GONE_MS = 45_000;
// Goes by the time at which something was heard here: clocks of other machines may be wrong.
const NEVER_MS = 2 ** 31 - 1;

// As many as can be told apart, in light and in dark.
export const COLOURS = 8;

export class Presence {
  constructor(member, onChange) {
    this.member = member;
    this.onChange = onChange;
    this.store = new EphemeralStore(NEVER_MS);
    this.key = `${member}/${random()}`;
    this.here = { pipeline: "", field: "", colour: Number.parseInt(random().slice(0, 6), 16) % COLOURS, live: 0, beat: 0 };
    this._heard = new Map();
    this.store.subscribe(({ added, updated, removed }) => {
      for (const key of [...added, ...updated]) this._heard.set(key, Date.now());
      for (const key of removed) this._heard.delete(key);
      this.onChange();
    });
  }

  enter() {
    this._say();
    this._timer ??= setInterval(() => {
      this._say();
      this.onChange();
    }, BEAT_MS);
  }

  leave() {
    clearInterval(this._timer);
    this.store.delete(this.key);
    this.store.destroy();
  }

  // Where this tab is now: `pipeline`, `field`, and the revision `live` that it knows of.
  at(place) {
    const next = { ...this.here, ...place };
    if (Object.keys(next).every((name) => next[name] === this.here[name])) return;
    this.here = next;
    if (this._timer) this._say();
  }

  // The others, by name. Another tab of the same member is another one.
  others() {
    const states = Object.entries(this.store.getAllStates());
    return states
      .filter(([key, value]) => key !== this.key && isPlace(value) && this._isFresh(key))
      .map(([key, value]) => ({ key, name: key.slice(0, key.lastIndexOf("/")), ...value, colour: colourOf(value) }))
      .sort((one, other) => (one.key < other.key ? -1 : 1));
  }

  _isFresh(key) {
    return Date.now() - (this._heard.get(key) ?? 0) < GONE_MS;
  }

  _say() {
    this.here = { ...this.here, beat: this.here.beat + 1 };
    this.store.set(this.key, this.here);
  }
}

// Others may write anything under their own name.
const isPlace = (value) =>
  value !== null && typeof value === "object" && typeof value.pipeline === "string" && typeof value.field === "string";

const colourOf = ({ colour }) => (Number.isInteger(colour) ? ((colour % COLOURS) + COLOURS) % COLOURS : 0);
