// The left: all pipelines with what there is to know of each.

import { button, el, fill, flag, keyed, onEnter, say } from "./dom.js";
import { chip } from "./below.js";
import { PIPELINE_ID } from "./draft.js";
import { SETTINGS } from "./marks.js";

// From so many pipelines on, one looks for one by typing.
const MANY = 15;

export class PipelineList {
  constructor(app) {
    this.app = app;
    this._known = new Map();
    this.settings = this._item(SETTINGS, "Project and store");
    this.list = el("ul", {});
    this.name = el("input", { type: "text", id: "new-pipeline", placeholder: "id, such as orders", autocomplete: "off", spellcheck: "false" });
    this.fault = el("div", { class: "below bad", role: "alert" });
    this.name.addEventListener("keydown", onEnter(() => this._add()));
    this.adder = el(
      "div",
      { class: "adder" },
      el("label", { for: "new-pipeline" }, "New pipeline"),
      el("div", { class: "line" }, this.name, button("Add", () => this._add())),
      this.fault,
    );
    this.find = el("input", { type: "search", "aria-label": "Find a pipeline", placeholder: "find", hidden: true, oninput: () => this.refresh() });
    const box = el("ul", {}, this.settings.node);
    this.node = el("nav", { "aria-label": "Pipelines" }, box, el("h2", {}, "Pipelines"), this.find, this.list, this.adder);
  }

  refresh() {
    const { app } = this;
    const all = app.room?.isRead ? app.draft.ids() : [];
    const wanted = this.find.value.trim().toLowerCase();
    const ids = wanted ? all.filter((id) => id.toLowerCase().includes(wanted)) : all;
    this.find.hidden = all.length < MANY && !wanted;
    keyed(this.list, this._known, ids, (id) => this._item(id, id));
    this.adder.hidden = !app.canEdit();
    for (const item of [this.settings, ...this._known.values()]) item.refresh();
  }

  _item(id, label) {
    const { app } = this;
    const marks = el("span", { class: "marks" });
    const pick = el("button", { type: "button", onclick: () => app.select(id) }, el("span", { class: "name" }, label), marks);
    let drawn = "";
    // There may be a thousand of them, of which one changed.
    const refresh = () => {
      const isHere = app.selected === id;
      const isGone = id !== SETTINGS && Boolean(app.room?.isRead) && app.draft.isRemoved(id);
      const words = !app.room?.isRead || id === SETTINGS ? [] : app.marks.words(id);
      const people = app.marks.people(id);
      const says = JSON.stringify([isHere, isGone, words, people.map(({ name, colour }) => [name, colour])]);
      if (says === drawn) return;
      drawn = says;
      flag(pick, "aria-current", isHere);
      pick.classList.toggle("gone", isGone);
      fill(marks, ...words.map(([word, mood]) => el("span", { class: `mark ${mood}` }, word)), ...people.map(chip));
    };
    return { node: el("li", { "data-pipeline": id }, pick), refresh };
  }

  _add() {
    const { app } = this;
    const id = this.name.value.trim();
    if (!PIPELINE_ID.test(id)) return say(this.fault, "Write at most 63 of a-z, 0-9, - and _, the first a letter or digit.");
    if (app.draft.ids().includes(id)) {
      const text = app.draft.isRemoved(id) ? `${id} was removed: open it to bring it back.` : `There is a pipeline ${id} already.`;
      return say(this.fault, text);
    }
    say(this.fault, "");
    this.name.value = "";
    app.edit((draft) => draft.addPipeline(id));
    app.select(id);
  }
}
