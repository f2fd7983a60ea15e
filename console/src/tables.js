// The tables of a pipeline: their order, and the options of each.

import { button, el, keyed, onEnter, say } from "./dom.js";
import { asMap } from "./draft.js";
import { field, placeIn } from "./fields.js";
import { rows } from "./rows.js";
import { editing, example, TABLE } from "./schema.js";

const SHOWN = ["primary_key", "incremental"];

export function tables(app, id) {
  const known = new Map();
  const list = el("ol", { class: "tables" });
  const adder = addTable(app, id);
  const node = el("div", {}, list, adder.node);
  const refresh = () => {
    keyed(list, known, app.draft.tables(id), (name) => table(app, id, name));
    for (const part of known.values()) part.refresh();
    adder.refresh();
  };
  return { node, refresh };
}

function table(app, id, name) {
  const move = (step) => () => app.edit((draft) => draft.moveTable(id, name, step));
  const up = button("↑", move(-1), { class: "plain", "aria-label": `Move ${name} up` });
  const down = button("↓", move(1), { class: "plain", "aria-label": `Move ${name} down` });
  const remove = button("Remove", () => app.edit((draft) => draft.removeTable(id, name)), {
    class: "plain",
    "aria-label": `Remove table ${name}`,
  });
  const fields = SHOWN.map((option) => {
    const said = TABLE[option];
    const about = said.description;
    return field(app, { ...placeIn(id, "tables", name, option), label: option, hint: example(said), about, ...editing(said) });
  });
  const others = rows(app, {
    path: ["pipelines", id, "tables", name],
    pipeline: id,
    names: ["tables", name],
    keys: (options) => Object.keys(options).filter((option) => !SHOWN.includes(option)),
    word: "option",
  });
  const more = el("details", {}, el("summary", {}, "Other options"), others.node);
  const head = el("div", { class: "tablehead" }, el("b", {}, name), up, down, remove);
  const node = el("li", { "data-table": name }, head, ...fields.map((part) => part.node), more);
  const refresh = () => {
    const names = app.draft.tables(id);
    const isFixed = !app.canEdit() || app.draft.isRemoved(id);
    up.disabled = isFixed || names[0] === name;
    down.disabled = isFixed || names.at(-1) === name;
    remove.disabled = isFixed;
    for (const part of [...fields, others]) part.refresh();
    const extra = Object.keys(asMap(app.draft.get(["pipelines", id, "tables", name]))).some((key) => !SHOWN.includes(key));
    if (extra) more.open = true;
  };
  return { node, refresh };
}

function addTable(app, id) {
  const name = el("input", { type: "text", "aria-label": "Name of a new table", placeholder: "new table", autocomplete: "off" });
  const fault = el("div", { class: "below bad", role: "alert" });
  const add = () => {
    const wanted = name.value.trim();
    if (!wanted) return say(fault, "Name the table first.");
    if (app.draft.tables(id).includes(wanted)) return say(fault, `There is a table ${wanted} already.`);
    say(fault, "");
    name.value = "";
    app.edit((draft) => draft.addTable(id, wanted));
    name.focus();
  };
  name.addEventListener("keydown", onEnter(add));
  const node = el("div", { class: "field add" }, el("div", { class: "control" }, name, fault), button("Add table", add));
  return { node, refresh: () => (node.hidden = !app.canEdit() || app.draft.isRemoved(id)) };
}
