// Who edited what since the last apply, as the server recorded it.

const MANY = 100;

export class Edits {
  constructor(app) {
    this.app = app;
    this.forget();
  }

  forget() {
    this.items = [];
    this._asking = undefined;
  }

  async load() {
    const { api, name } = this.app;
    const asking = (this._asking = {});
    try {
      const { items } = await api.get(`/config/log?draft=${encodeURIComponent(name)}&limit=${MANY}`);
      if (this._asking !== asking) return;
      this.items = items;
      this.app.refresh();
    } catch {
      // Names beside the changes are a help; the changes are shown without them, too.
    }
  }

  // Everybody who edited a place, or something inside it, since the draft was last applied.
  authors(path) {
    const names = new Set();
    for (const { event, author, edits } of this.items) {
      if (event !== "edited") break;
      if (edits.some((edit) => !edit.overruled && touches(edit.path, path))) names.add(author);
    }
    return [...names].reverse();
  }
}

// `order` is told of the list of tables, and a change of a table is one of the tables.
const touches = (edited, changed) =>
  edited === changed || edited.startsWith(`${changed}.`) || changed.startsWith(`${edited}.`);
