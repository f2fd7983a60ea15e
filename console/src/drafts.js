// The drafts that are open, and what can be done with one as a whole.

export class Drafts {
  constructor(app) {
    this.app = app;
    this.items = [];
  }

  named(name) {
    return this.items.find((draft) => draft.name === name);
  }

  async load() {
    try {
      this.items = (await this.app.api.get("/config/drafts")).items;
    } catch (error) {
      if (error.status === 401) this.app.signOut("Your token is not good any more. Sign in with another one.");
    }
    this.app.refresh();
  }

  async create(name) {
    await this._do(() => this.app.api.post("/config/drafts", { name }));
    if (this.named(name)) this.app.open(name);
  }

  async discard(name) {
    await this._do(() => this.app.api.delete(`/config/drafts/${encodeURIComponent(name)}`));
    if (!this.named(name)) this.app.open("main");
  }

  async refresh(name) {
    await this._do(() => this.app.api.post(`/config/drafts/${encodeURIComponent(name)}/refresh`));
    this.app.reviewing.soon(true);
  }

  async _do(act) {
    try {
      await act();
    } catch (error) {
      this.app.notices.tell(error.message);
    }
    await this.load();
  }
}
