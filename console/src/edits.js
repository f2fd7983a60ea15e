// Who edited what lately, as the server recorded it.

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

  // Whose a change is: for one field, who set it last; for a whole pipeline, everybody who edited it.
  authors(change) {
    const names = new Set();
    const isWhole = change.kind.startsWith("pipeline_");
    for (const { event, author, edits } of this.items) {
      if (event !== "edited" || !edits.some((edit) => !edit.overruled && isPart(edit, change))) continue;
      names.add(author);
      if (!isWhole) break;
    }
    return [...names].reverse();
  }
}

function isPart(edit, change) {
  if (change.kind.startsWith("pipeline_")) return edit.pipeline === change.pipeline;
  if ((edit.kind === "comment") !== (change.kind === "comment")) return false;
  return edit.path === change.path || edit.path.startsWith(`${change.path}.`) || change.path.startsWith(`${edit.path}.`);
}
