// Revisions: who applied what and when, what each said, and going back to one.

import { button, el, say } from "./dom.js";
import { EditLog } from "./editlog.js";
import { moment } from "./values.js";

const PAGE = 30;

export class History {
  constructor(app) {
    this.app = app;
    this.title = el("h2", {});
    this.body = el("div", { class: "history" });
    this.log = new EditLog(app);
    this.tabs = [button("Revisions", () => this.open()), button("Recent edits", () => this._edits())];
    this.tabline = el("div", { class: "tabs" }, ...this.tabs);
    const close = button("Close", () => this.node.close());
    this.node = el("dialog", { class: "wide" }, el("div", { class: "title" }, this.title, close), this.tabline, this.body);
  }

  // A text to read and to copy.
  show(title, text) {
    this._begin(title, null);
    this.body.replaceChildren(el("pre", { tabindex: "0" }, text));
  }

  async open() {
    this._begin("Revisions", 0);
    await this._page(null);
  }

  async _edits() {
    this._begin(`Edits of the draft ${this.app.name}`, 1);
    await this.log.fill(this.body);
  }

  _begin(title, tab) {
    say(this.title, title);
    this.tabline.hidden = tab === null;
    this.tabs.forEach((one, place) => one.setAttribute("aria-pressed", String(place === tab)));
    this.body.replaceChildren(el("p", { class: "quiet" }, "Looking…"));
    if (!this.node.open) this.node.showModal();
  }

  async _page(before) {
    try {
      const query = before === null ? "" : `&before=${encodeURIComponent(before)}`;
      const page = await this.app.api.get(`/config/revisions?limit=${PAGE}${query}`);
      if (before === null) this._head = page.items[0]?.number ?? 0;
      const rows = page.items.map((revision) => this._row(revision));
      if (before === null) this.body.replaceChildren(page.items.length ? el("ol", {}) : el("p", {}, "Nothing was applied yet."));
      this.body.querySelector("ol")?.append(...rows);
      this.more?.remove();
      if (page.next !== null) {
        this.more = button("Older ones", () => this._page(page.next));
        this.body.append(this.more);
      }
    } catch (error) {
      this.body.append(el("p", { class: "bad" }, error.message));
    }
  }

  _row(revision) {
    const { number, applied_by: by, applied_at: at, reverts, undone_by: undone, draft } = revision;
    const about = [
      draft === "main" ? "" : `from the draft ${draft}`,
      reverts ? `back to revision ${reverts}` : "",
      undone ? `undone by revision ${undone}` : "",
    ].filter(Boolean);
    const isLive = number === this._head;
    const line = el("div", { class: "line" }, el("b", {}, `Revision ${number}`), el("span", {}, `${by}, ${moment(at)}`));
    if (isLive) line.append(el("span", { class: "mark note" }, "live"));
    if (about.length) line.append(el("span", { class: "quiet" }, about.join(", ")));
    line.append(button("View", () => this._view(number)));
    const row = el("li", { "data-revision": number }, line);
    if (!isLive && this.app.canEdit()) line.append(button("Go back to it", () => this._ask(row, number)));
    return row;
  }

  async _view(number) {
    try {
      const text = await this.app.api.get(`/config/revisions/${number}/manifest`);
      say(this.title, `Revision ${number}`);
      const back = button("All revisions", () => this.open());
      this.body.replaceChildren(back, el("pre", { tabindex: "0" }, text || "(empty)"));
    } catch (error) {
      this.body.append(el("p", { class: "bad" }, error.message));
    }
  }

  _ask(row, number) {
    row.querySelector(".confirm")?.remove();
    const text = `Make what revision ${number} said live again? Edits that nobody applied stay in the drafts.`;
    const yes = button(`Go back to revision ${number}`, () => this._revert(row, number), { class: "main" });
    const no = button("Cancel", () => row.querySelector(".confirm").remove());
    row.append(el("div", { class: "confirm" }, el("p", {}, text), el("div", { class: "line" }, yes, no)));
    yes.focus();
  }

  async _revert(row, number) {
    try {
      const { revision } = await this.app.api.post("/config/revert", { to: number, based_on: this._head });
      this.app.notices.tell(`Revision ${revision.number} is live. It says what revision ${number} said.`);
      this.app.room.presence.at({ live: revision.number });
      this.app.look();
      if (this.node.open) await this.open();
    } catch (error) {
      row.append(el("p", { class: "bad", role: "alert" }, error.message));
    }
  }
}
