// One field of the form: it writes its own place of the document and nothing else.

import { el, flag, replaceText } from "./dom.js";
import { same } from "./draft.js";
import { keyOf } from "./marks.js";
import { below } from "./below.js";
import { KINDS } from "./values.js";

const PAUSE_MS = 250;
let count = 0;

// `path` in the document; `place` is { pipeline, field }; `kind`, `choices`, `hint`, `about` say how it is edited.
export function field(app, { path, place, label, kind = "text", choices, hint = "", about = "" }) {
  const id = `field-${(count += 1)}`;
  const editor = kind === "yes" ? checkbox(app, path) : choices ? chooser(app, path, choices, hint) : line(app, path, kind, hint);
  editor.input.id = id;
  editor.input.dataset.field = place.field.replaceAll("\n", ".");
  watchFocus(app, editor.input, place);
  const notes = below(app, path, place);
  const node = el(
    "div",
    { class: "field" },
    el("div", { class: "label" }, el("label", { for: id, title: about || false }, label), notes.people),
    el("div", { class: "control" }, editor.input, editor.fault ?? null, notes.node),
  );
  const refresh = () => {
    editor.refresh();
    editor.input.disabled = !app.canEdit() || (place.pipeline !== "*" && app.draft.isRemoved(place.pipeline));
    notes.refresh();
    const [other] = app.marks.people(place.pipeline, place.field);
    editor.input.className = other ? `theirs c${other.colour}` : "";
    flag(editor.input, "aria-invalid", notes.isBad());
  };
  return { node, refresh, input: editor.input };
}

export function placeIn(id, ...names) {
  return { path: ["pipelines", id, ...names], place: { pipeline: id, field: keyOf(names) } };
}

// Tell the others where somebody is.
export function watchFocus(app, node, place) {
  node.addEventListener("focus", () => app.room.presence.at({ pipeline: place.pipeline, field: place.field }));
  node.addEventListener("blur", () => app.room.presence.at({ field: "" }));
}

function checkbox(app, path) {
  const input = el("input", { type: "checkbox" });
  input.addEventListener("change", () => app.edit((draft) => draft.set(path, input.checked || undefined)));
  return { input, refresh: () => (input.checked = app.draft.get(path) === true) };
}

function chooser(app, path, choices, hint) {
  const option = (value, text) => el("option", { value }, text);
  const input = el("select", {}, option("", hint ? `(${hint})` : ""), choices.map((choice) => option(choice, choice)));
  input.addEventListener("change", () => app.edit((draft) => draft.set(path, input.value || undefined)));
  const refresh = () => {
    const value = KINDS.text.show(app.draft.get(path));
    const known = [...input.options].some((one) => one.value === value);
    // A value that the schema does not know is shown all the same.
    if (!known) input.append(option(value, value));
    if (input.value !== value) input.value = value;
  };
  return { input, refresh };
}

// A line of text that is written down at each pause, and at once when it is left.
function line(app, path, kind, hint) {
  const { show, read } = KINDS[kind];
  const input = el("input", { type: "text", placeholder: hint, autocomplete: "off", spellcheck: "false" });
  const fault = el("div", { class: "below bad" });
  let timer;
  let isTyped = false;
  const write = () => {
    clearTimeout(timer);
    app.pending.delete(write);
    if (!isTyped) return;
    try {
      const value = read(input.value);
      isTyped = false;
      fault.textContent = "";
      app.edit((draft) => draft.set(path, value));
    } catch (error) {
      fault.textContent = error.message;
      app.refresh();
    }
  };
  input.addEventListener("input", () => {
    isTyped = true;
    app.pending.add(write);
    clearTimeout(timer);
    timer = setTimeout(write, PAUSE_MS);
    app.refresh();
  });
  input.addEventListener("change", write);
  input.addEventListener("blur", () => (write(), app.refresh()));
  input.addEventListener("keydown", (event) => event.key === "Enter" && write());
  const refresh = () => {
    if (isTyped) return;
    const value = app.draft.get(path);
    if (document.activeElement === input && same(readOr(read, input.value), value)) return;
    replaceText(input, show(value));
  };
  return { input, fault, refresh };
}

function readOr(read, text) {
  try {
    return read(text);
  } catch {
    return undefined;
  }
}
