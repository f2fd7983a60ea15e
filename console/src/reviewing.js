// Asks the server what applying the draft would do, whenever the draft is at rest.

const PAUSE_MS = 300;
const AGAIN_MS = 2000;

export class Reviewing {
  constructor(app) {
    this.app = app;
    this.forget();
  }

  forget() {
    clearTimeout(this._timer);
    this._asking = undefined;
    this.latest = null;
    this.held = null;
    this.fault = "";
  }

  // What is shown: what somebody is about to apply stays as it is while others go on.
  get shown() {
    return this.held ?? this.latest;
  }

  isCurrent() {
    return Boolean(this.shown) && this.shown.heads === this.app.draft.heads();
  }

  hold() {
    this.held = this.latest;
    this.app.refresh();
  }

  release() {
    this.held = null;
    this.app.refresh();
  }

  // Somebody knows of a revision: if it is a newer one, look.
  heard(live) {
    if (this.latest && live > this.latest.based_on && live !== this._heardOf) {
      this._heardOf = live;
      this.soon(true);
    }
  }

  // Ask after a pause; `anyway` also if the document is where it was when it was last asked for.
  soon(anyway = false) {
    this._anyway ||= anyway;
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._ask(), PAUSE_MS);
  }

  async _ask() {
    const { app } = this;
    if (app.isOver || !app.room?.isRead || !app.isSaved()) return;
    const { draft, name } = app;
    const heads = draft.heads();
    if (!this._anyway && this.latest?.heads === heads) return;
    this._anyway = false;
    const asking = (this._asking = {});
    try {
      const found = await app.api.ask("/config/plan", { draft: name, heads });
      if (this._asking !== asking) return;
      this.latest = found;
      this.fault = "";
      app.edits.load();
      app.room.presence.at({ live: found.based_on });
    } catch (error) {
      if (this._asking !== asking) return;
      if (error.status === 401) return app.signOut("Your token is not good any more. Sign in with another one.");
      this.fault = error.code === "unknown_heads" ? "" : error.message;
      this._timer = setTimeout(() => this._ask(), AGAIN_MS);
    }
    app.refresh();
  }
}
