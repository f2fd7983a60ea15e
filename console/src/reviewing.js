// Asks the server what applying the draft would do, whenever the draft is at rest.

const PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 5000;
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
    this._took = 0;
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
    // A large draft takes the server a while; it has others to serve, too.
    this._timer = setTimeout(() => this._ask(), Math.min(LONGEST_PAUSE_MS, Math.max(PAUSE_MS, this._took)));
  }

  async _ask() {
    const { app } = this;
    if (app.isOver || !app.room?.isRead || !app.isSaved() || this._asking) return;
    const { draft, name } = app;
    const heads = draft.heads();
    if (!this._anyway && this.latest?.heads === heads) return;
    this._anyway = false;
    const asking = (this._asking = {});
    const began = Date.now();
    try {
      const found = await app.api.ask("/config/plan", { draft: name, heads });
      if (this._asking !== asking) return;
      // Two who remove one pipeline agree; what they saw of it is nothing to choose between.
      found.rivals = found.rivals.filter(({ path }) => path[0] !== "pipelines" || path[2] !== "removed");
      this.latest = found;
      this.fault = "";
      app.edits.load();
      app.room.presence.at({ live: found.based_on });
    } catch (error) {
      if (this._asking !== asking) return;
      if (error.status === 401) return app.signOut("Your token is not good any more. Sign in with another one.");
      this.fault = error.code === "unknown_heads" ? "" : error.message;
      this._anyway = true;
    }
    this._asking = undefined;
    this._took = this.fault ? AGAIN_MS : Date.now() - began;
    if (this._anyway || heads !== draft.heads()) this.soon();
    app.refresh();
  }
}
