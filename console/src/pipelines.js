// The left: all pipelines with what there is to know of each.

import { button, el, fill, flag, keyed, onEnter, say } from "./dom.js";
import { chip } from "./below.js";
import { PIPELINE_ID } from "./draft.js";
import { SETTINGS } from "./marks.js";

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
    const box = el("ul", {}, this.settings.node);
    this.node = el("nav", { "aria-label": "Pipelines" }, box, el("h2", {}, "Pipelines"), this.list, this.adder);
  }

  refresh() {
    const { app } = this;
    const ids = app.room?.isRead ? app.draft.ids() : [];
    keyed(this.list, this._known, ids, (id) => this._item(id, id));
    this.adder.hidden = !app.canEdit();
    for (const item of [this.settings, ...this._known.values()]) item.refresh();
  }

  _item(id, label) {
    const { app } = this;
    const marks = el("span", { class: "marks" });
    const pick = el("button", { type: "button", onclick: () => app.select(id) }, el("span", { class: "name" }, label), marks);
    const refresh = () => {
      const isHere = app.selected === id;
      flag(pick, "aria-current", isHere);
      const words = !app.room?.isRead || id === SETTINGS ? [] : app.marks.words(id);
      const people = app.marks.people(id).map(chip);
      fill(marks, ...words.map(([word, mood]) => el("span", { class: `mark ${mood}` }, word)), ...people);
      pick.classList.toggle("gone", id !== SETTINGS && Boolean(app.room?.isRead) && app.draft.isRemoved(id));
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
