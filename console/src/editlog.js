// Who edited what and when, page by page, newest first.

import { button, el } from "./dom.js";
import { moment } from "./values.js";

const PAGE = 50;

// Why a document was made.
const BEGAN = {
  begun: "began the draft",
  created: "opened the draft",
  asked: "rebuilt the document",
  peers: "rebuilt the document, because too many clients had written in it",
};

export class EditLog {
  constructor(app) {
    this.app = app;
  }

  async fill(body) {
    const list = el("ol", {});
    const draft = this.app.name;
    const load = async (before) => {
      const query = before === null ? "" : `&before=${encodeURIComponent(before)}`;
      const { items, next } = await this.app.api.get(`/config/log?draft=${encodeURIComponent(draft)}&limit=${PAGE}${query}`);
      list.append(...items.map(row));
      if (!list.children.length && next === null) list.append(el("li", { class: "quiet" }, "Nobody edited it yet."));
      return next;
    };
    await this._page(body, list, load, null);
  }

  async _page(body, list, load, before) {
    try {
      const next = await load(before);
      body.replaceChildren(list);
      if (next !== null) body.append(button("Older ones", () => this._page(body, list, load, next)));
    } catch (error) {
      body.replaceChildren(list, el("p", { class: "bad" }, error.message));
    }
  }
}

function row(entry) {
  const { event, author, at, edits, more, revision, draft, reverts, reason } = entry;
  const head = (text) => el("div", { class: "line" }, el("b", {}, author), el("span", {}, text), el("span", { class: "quiet" }, moment(at)));
  if (event === "applied") {
    const from = draft && draft !== "main" ? ` from the draft ${draft}` : "";
    return el("li", {}, head(reverts ? `went back to revision ${reverts} with revision ${revision}` : `applied revision ${revision}${from}`));
  }
  if (event !== "edited") return el("li", {}, head(BEGAN[reason] ?? "began a document"));
  const lines = edits.map((edit) => el("li", {}, edit.text, edit.overruled ? el("span", { class: "quiet" }, " (somebody else's value counted)") : null));
  if (more) lines.push(el("li", { class: "quiet" }, `and ${more} more`));
  return el("li", {}, head("edited"), el("ul", {}, ...lines));
}
