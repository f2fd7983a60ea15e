// The middle: a form for what is selected.

import { button, el, fill } from "./dom.js";
import { field, placeIn } from "./fields.js";
import { grave } from "./grave.js";
import { keyOf, SETTINGS } from "./marks.js";
import { notes } from "./remarks.js";
import { rows } from "./rows.js";
import { editing, example, isRegister, MORE, PIPELINE, SECTIONS, WHEN } from "./schema.js";
import { tables } from "./tables.js";

export class Form {
  constructor(app) {
    this.app = app;
    this.note = el("div", { class: "quiet banner", hidden: true });
    this.body = el("div", {});
    this.node = el("section", { class: "form", "aria-label": "Pipeline" }, this.note, this.body);
    this.forget();
  }

  forget() {
    this._shown = undefined;
    this._parts = [];
  }

  refresh() {
    const { app } = this;
    this._sayWhoMay();
    if (!app.room?.isRead) {
      this.forget();
      return fill(this.body, el("p", { class: "quiet" }, "Loading the draft…"));
    }
    const isThere = app.selected === SETTINGS || app.draft.ids().includes(app.selected);
    const wanted = isThere ? app.selected : null;
    if (this._shown !== wanted) this._build(wanted);
    for (const part of this._parts) part.refresh();
  }

  // What cannot wait for the next redraw.
  renew() {
    for (const part of this._parts) part.renew?.();
  }

  // Bring a field into sight, and the caret into it.
  goTo(pipeline, name) {
    if (this.app.selected !== pipeline) this.app.select(pipeline);
    setTimeout(() => {
      const inputs = [...this.body.querySelectorAll("[data-field]")];
      const dotted = name.replaceAll("\n", ".");
      const target =
        inputs.find((input) => input.dataset.field === dotted) ??
        inputs.find((input) => dotted.startsWith(`${input.dataset.field}.`)) ??
        inputs.find((input) => input.dataset.field.startsWith(`${dotted}.`)) ??
        this.body.querySelector("h2");
      for (let box = target?.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
      target?.focus();
      target?.scrollIntoView({ block: "center" });
    }, 50);
  }

  _sayWhoMay() {
    const { app } = this;
    const isViewer = app.room?.isRead && app.room.status !== "shut" && !app.canEdit();
    this.note.hidden = !isViewer;
    this.note.textContent = isViewer ? "You may look at everything here. To edit takes the role editor." : "";
  }

  _build(wanted) {
    this._shown = wanted;
    if (wanted === null) {
      this._parts = [];
      const text = this.app.draft.ids().length ? "Choose a pipeline on the left." : "This draft has no pipeline yet. Add one on the left.";
      return this.body.replaceChildren(el("p", { class: "quiet" }, text));
    }
    const [node, parts] = wanted === SETTINGS ? settings(this.app) : pipeline(this.app, wanted);
    this._parts = parts;
    this.body.replaceChildren(...node);
  }
}

function pipeline(app, id) {
  const known = (name) => {
    const said = PIPELINE[name];
    return field(app, { ...placeIn(id, name), label: name, hint: example(said), about: said.description, ...editing(said) });
  };
  const head = header(app, id);
  const when = WHEN.map(known);
  const connector = field(app, { ...placeIn(id, "source", "connector"), label: "connector", hint: "such as http" });
  const config = rows(app, { path: ["pipelines", id, "source", "config"], pipeline: id, names: ["source", "config"] });
  const remark = notes(app, id);
  const list = tables(app, id);
  const more = MORE.map(known);
  const comments = rows(app, { path: ["pipelines", id, "comments"], pipeline: id, names: ["comments"], kind: "json", canAdd: false });
  const unknown = rows(app, {
    path: ["pipelines", id],
    pipeline: id,
    names: [],
    keys: (fields) => Object.keys(fields).filter((key) => !Object.hasOwn(PIPELINE, key)),
    word: "key",
  });
  const rest = group("More", more, true);
  const nodes = [
    head.node,
    group("Notes", [remark]),
    group("When it runs", when),
    group("Source", [connector, config]),
    group("Tables", [list]),
    rest,
    group("Comments inside it, and other keys", [comments, unknown], true),
  ];
  return [nodes, [head, remark, ...when, connector, config, list, ...more, comments, unknown]];
}

function header(app, id) {
  const title = el("h2", { tabindex: "-1" }, id);
  const remove = button("Remove pipeline", () => app.edit((draft) => draft.removePipeline(id)));
  const state = grave(app, id);
  const people = el("span", { class: "people" });
  const node = el("div", {}, el("div", { class: "title" }, title, people, remove), state.node);
  const refresh = () => {
    remove.hidden = !app.canEdit() || app.draft.isRemoved(id);
    state.refresh();
  };
  return { node, refresh };
}

function settings(app) {
  const parts = SECTIONS.map(([section, said]) => {
    const place = (...names) => ({ path: ["settings", ...names], place: { pipeline: SETTINGS, field: keyOf(names) } });
    const one = (said_, ...names) =>
      field(app, { ...place(...names), label: names.at(-1), hint: example(said_), about: said_.description, ...editing(said_) });
    const fields = isRegister(said)
      ? [one(said, section)]
      : Object.entries(said.properties).map(([name, inner]) => one(inner, section, name));
    return [section, fields];
  });
  const comments = rows(app, { path: ["settings", "comments"], pipeline: SETTINGS, names: ["comments"], kind: "json", canAdd: false });
  const nodes = parts.map(([section, fields]) => group(section, fields));
  const head = el("div", { class: "title" }, el("h2", { tabindex: "-1" }, "Project and store"));
  return [[head, ...nodes, group("Comments", [comments], true)], [...parts.flatMap(([, fields]) => fields), comments]];
}

function group(title, parts, isFolded = false) {
  const nodes = parts.map((part) => part.node);
  return isFolded
    ? el("details", { class: "group" }, el("summary", {}, title), ...nodes)
    : el("div", { class: "group", role: "group", "aria-label": title }, el("h3", {}, title), ...nodes);
}
