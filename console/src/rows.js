// A map whose keys people make up: one row for each key, its value as text or JSON.

import { button, el, keyed, onEnter, say } from "./dom.js";
import { asMap } from "./draft.js";
import { field } from "./fields.js";
import { keyOf } from "./marks.js";

// `keys(value)` says which keys are shown here; `names` is where the map is inside `place`.
export function rows(app, { path, pipeline, names, keys = Object.keys, word = "setting", kind = "any", canAdd = true }) {
  const known = new Map();
  const list = el("div", {});
  const adder = canAdd ? addRow(app, path, word) : null;
  const node = el("div", { class: "rows" }, list, adder?.node ?? null);
  const make = (key) => {
    const place = { pipeline, field: keyOf([...names, key]) };
    const inner = field(app, { path: [...path, key], place, label: key, kind });
    const remove = button("Remove", () => app.edit((draft) => draft.set([...path, key], undefined)), {
      class: "plain",
      "aria-label": `Remove ${key}`,
    });
    inner.node.classList.add("removable");
    inner.node.append(remove);
    return { ...inner, refresh: () => (inner.refresh(), (remove.disabled = inner.input.disabled)) };
  };
  const refresh = () => {
    keyed(list, known, keys(asMap(app.draft.get(path))).sort(), make);
    for (const row of known.values()) row.refresh();
    adder?.refresh(pipeline);
  };
  return { node, refresh };
}

function addRow(app, path, word) {
  const name = el("input", { type: "text", "aria-label": `Name of a new ${word}`, placeholder: `new ${word}`, autocomplete: "off" });
  const value = el("input", { type: "text", "aria-label": `Value of the new ${word}`, placeholder: "value", autocomplete: "off" });
  const fault = el("div", { class: "below bad", role: "alert" });
  const add = () => {
    const key = name.value.trim();
    if (!key) return say(fault, `Name the ${word} first.`);
    if (app.draft.get([...path, key]) !== undefined) return say(fault, `There is a ${word} ${key} already.`);
    say(fault, "");
    app.edit((draft) => draft.set([...path, key], valueOf(value.value)));
    name.value = value.value = "";
    name.focus();
  };
  name.addEventListener("keydown", onEnter(() => value.focus()));
  value.addEventListener("keydown", onEnter(add));
  const adder = button("Add", add);
  const node = el("div", { class: "field add" }, name, el("div", { class: "control" }, value, fault), adder);
  const refresh = (pipeline) => {
    node.hidden = !app.canEdit() || (pipeline !== "*" && app.draft.isRemoved(pipeline));
  };
  return { node, refresh };
}

function valueOf(text) {
  try {
    return JSON.parse(text) ?? text;
  } catch {
    return text;
  }
}
