// The top: which draft, whether all is saved, who is here, and who I am.

import { button, el, fill, say } from "./dom.js";
import { chip } from "./below.js";
import { may } from "./session.js";

const NAME = "[a-z0-9][a-z0-9_\\-]{0,31}";

export class Header {
  constructor(app) {
    this.app = app;
    const { name, role } = app.session;
    this.select = el("select", { id: "draft" });
    this.select.addEventListener("change", () => app.open(this.select.value));
    this.create = button("New draft", () => this._askName());
    this.bring = button("Bring live in", () => app.drafts.refresh(app.name), { hidden: true });
    this.discard = button("Discard", () => this._askDiscard(), { hidden: true });
    this.state = el("span", { class: "state", role: "status" });
    this.people = el("span", { class: "people", "aria-label": "Who else is here" });
    this.ask = el("dialog", {});
    this.role = el("span", {}, role);
    const me = el("span", { class: "me" }, el("b", {}, name), " ", this.role);
    this.node = el(
      "header",
      {},
      el("h1", {}, "hakiri"),
      el("label", { for: "draft" }, "Draft"),
      this.select,
      this.create,
      this.bring,
      this.discard,
      this.state,
      this.people,
      el("span", { class: "space" }),
      button("History", () => app.history.open()),
      me,
      button("Sign out", () => app.signOut()),
      this.ask,
    );
  }

  refresh() {
    const { app } = this;
    const names = app.drafts.items.map((draft) => draft.name);
    if (names.join() !== [...this.select.options].map((one) => one.value).join()) {
      this.select.replaceChildren(...names.map((name) => el("option", { value: name }, name)));
    }
    if (app.name && this.select.value !== app.name) this.select.value = app.name;
    const now = app.drafts.named(app.name);
    const isMine = now?.created_by === app.session.name;
    this.create.hidden = !app.canEdit();
    this.discard.hidden = app.name === "main" || !app.canEdit() || !(isMine || may(app.session.role, "operator"));
    const live = app.reviewing.latest?.based_on ?? 0;
    this.bring.hidden = app.name === "main" || !app.canEdit() || !now || now.applied >= live;
    this._sayState();
    say(this.role, app.session.role);
    fill(this.people, ...app.marks.others.map((one) => this._person(one)));
  }

  _sayState() {
    const { app } = this;
    const state = app.room?.state() ?? { word: "", mood: "wait" };
    const isTyping = state.word === "saved" && app.pending.size > 0;
    say(this.state, isTyping ? "saving…" : state.word);
    this.state.className = `state ${isTyping ? "wait" : state.mood}`;
  }

  _person(one) {
    const node = chip(one);
    if (one.pipeline && one.pipeline !== "*") node.append(el("span", { class: "where" }, ` in ${one.pipeline}`));
    return node;
  }

  _askName() {
    const input = el("input", { type: "text", id: "draft-name", required: true, pattern: NAME, autocomplete: "off" });
    const text = "At most 32 of a-z, 0-9, - and _. It begins with what is live.";
    this._show(el("label", { for: "draft-name" }, "Name of the draft"), [input, el("p", { class: "quiet" }, text)], "Open it", () =>
      this.app.drafts.create(input.value),
    );
  }

  _askDiscard() {
    const { app } = this;
    const text = `Discard the draft ${app.name}? Edits in it that were not applied go with it, for everybody.`;
    this._show(el("p", {}, text), [], "Discard it", () => app.drafts.discard(app.name));
  }

  _show(head, parts, word, act) {
    const done = (event) => {
      event.preventDefault();
      this.ask.close();
      act();
    };
    const cancel = button("Cancel", () => this.ask.close());
    const line = el("div", { class: "line" }, el("button", { class: "main" }, word), cancel);
    this.ask.replaceChildren(el("form", { onsubmit: done }, head, ...parts, line));
    this.ask.showModal();
  }
}
