// The document of a draft: reading it as plain values, and changing one place of it at a time.

import { encodeFrontiers } from "loro-crdt";

export const PIPELINE_ID = /^[a-z0-9][a-z0-9_-]{0,62}$/;

export const isMap = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
export const asMap = (value) => (isMap(value) ? value : {});

export function same(one, other) {
  if (one === other) return true;
  if (one === null || other === null || typeof one !== "object" || typeof other !== "object") return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => key in other && same(one[key], other[key]));
}

// A path leads to a place by names: ["pipelines", "orders", "source", "config", "url"]. What was read is kept until it
// changes: there may be a thousand pipelines, of which somebody edits one.
export class Draft {
  constructor(doc) {
    this.doc = doc;
    this._pipelines = new Map();
    this._ids = undefined;
    this._settings = undefined;
    this._stop = doc.subscribe(({ events }) => events.forEach((event) => this._forget(event)));
  }

  close() {
    this._stop();
  }

  // All that it says.
  tree() {
    return this.doc.toJSON();
  }

  heads() {
    return base64url(encodeFrontiers(this.doc.oplogFrontiers()));
  }

  get(path) {
    const [root, ...rest] = path;
    if (root === "pipelines") return inside(this._pipeline(rest[0]), rest.slice(1));
    this._settings ??= this.doc.getMap("settings").toJSON();
    return inside(this._settings, rest);
  }

  ids() {
    this._ids ??= this.doc.getMap("pipelines").keys().sort();
    return this._ids;
  }

  isRemoved(id) {
    return typeof this.get(["pipelines", id, "removed"]) === "string";
  }

  // Undefined takes the value away. Nothing is written if nothing changes.
  set(path, value) {
    if (same(this.get(path), value)) return;
    this.change(() => write(this._map(path.slice(0, -1)), path.at(-1), value));
  }

  // Decide between values that were set at one place: whoever reads it knows that this was chosen among them.
  settle(path, value) {
    this.change(() => {
      const map = this._map(path.slice(0, -1));
      // To set what is there already would be no operation.
      if (same(this.get(path), value ?? undefined)) write(map, path.at(-1), value === null ? false : null);
      write(map, path.at(-1), value ?? undefined);
    });
  }

  // The text at a path, without reading all of the document.
  text(path) {
    const [root, ...rest] = path;
    const found = rest.reduce((map, name) => (map?.kind?.() === "Map" ? map.get(name) : undefined), this.doc.getMap(root));
    return found?.kind?.() === "Text" ? found.toString() : "";
  }

  setText(path, text) {
    this.change(() => this._map(path.slice(0, -1)).ensureMergeableText(path.at(-1)).update(text, { timeoutMs: 200 }));
  }

  // `act` changes the document; all of it is one edit for the others.
  change(act) {
    act();
    this.doc.commit();
  }

  addPipeline(id) {
    this.change(() => this._map(["pipelines", id, "source"]).set("connector", "http"));
  }

  // Leaves a grave that says what was seen, so that edits made meanwhile are not lost without a word.
  removePipeline(id) {
    const seen = this.heads();
    this.change(() => this._map(["pipelines", id]).set("removed", seen));
  }

  restorePipeline(id) {
    this.change(() => this._map(["pipelines", id]).delete("removed"));
  }

  // Names of the tables as a manifest lists them: those in `order` first, each once.
  tables(id) {
    const there = asMap(this.get(["pipelines", id, "tables"]));
    const order = this.get(["pipelines", id, "order"]);
    const listed = new Set((Array.isArray(order) ? order : []).filter((name) => Object.hasOwn(there, name)));
    return [...listed, ...Object.keys(there).filter((name) => !listed.has(name)).sort()];
  }

  addTable(id, name) {
    const names = [...this.tables(id), name];
    this.change(() => {
      this._map(["pipelines", id, "tables", name]);
      this._list(id, names);
    });
  }

  removeTable(id, name) {
    this.change(() => {
      const order = this._order(id);
      const names = order.toJSON();
      for (let place = names.length - 1; place >= 0; place -= 1) if (names[place] === name) order.delete(place, 1);
      // What stays inside a map whose key is deleted would come back with the key.
      this._map(["pipelines", id, "tables", name]).clear();
      this._map(["pipelines", id, "tables"]).delete(name);
    });
  }

  // Put a table before (-1) or behind (1) its neighbour.
  moveTable(id, name, step) {
    const names = this.tables(id);
    const neighbour = names[names.indexOf(name) + step];
    if (neighbour === undefined) return;
    this.change(() => {
      this._list(id, names);
      const listed = this._order(id).toJSON();
      this._order(id).move(listed.indexOf(name), listed.indexOf(neighbour));
    });
  }

  _pipeline(id) {
    if (!this._pipelines.has(id)) {
      const found = this.doc.getMap("pipelines").get(id);
      this._pipelines.set(id, found?.kind ? found.toJSON() : found);
    }
    return this._pipelines.get(id);
  }

  _forget({ path: [root, id], diff }) {
    if (root !== "pipelines") this._settings = undefined;
    else if (id !== undefined) this._pipelines.delete(id);
    else {
      this._ids = undefined;
      for (const key of Object.keys(diff.updated ?? {})) this._pipelines.delete(key);
    }
  }

  // Bring every table into the list, so that all of them have a place in it.
  _list(id, names) {
    const order = this._order(id);
    const listed = order.toJSON();
    for (const name of names) if (!listed.includes(name)) order.push(name);
  }

  _order(id) {
    return this._map(["pipelines", id]).ensureMergeableMovableList("order");
  }

  // Containers are made so that two people who make the same one get one, never two of which one is lost.
  _map(path) {
    const [root, ...rest] = path;
    return rest.reduce((map, name) => map.ensureMergeableMap(name), this.doc.getMap(root));
  }
}

const inside = (value, path) =>
  path.reduce((part, name) => (isMap(part) && Object.hasOwn(part, name) ? part[name] : undefined), value);

function write(map, key, value) {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
