// The notes of a pipeline: a text in which several people type at once.

import { el, replaceText } from "./dom.js";
import { watchFocus } from "./fields.js";
import { below } from "./below.js";

export function notes(app, id) {
  const path = ["pipelines", id, "notes"];
  const place = { pipeline: id, field: "notes" };
  const input = el("textarea", { id: "notes", rows: "3", "data-field": "notes", placeholder: "What others should know about it" });
  const said = below(app, path, place);
  let isComposing = false;
  const write = () => app.edit((draft) => draft.setText(path, input.value));
  // Letter by letter, so that what others type at the same time is merged between the same letters.
  input.addEventListener("input", () => isComposing || write());
  input.addEventListener("compositionstart", () => (isComposing = true));
  input.addEventListener("compositionend", () => {
    isComposing = false;
    write();
  });
  watchFocus(app, input, place);
  const node = el(
    "div",
    { class: "field" },
    el(
      "div",
      { class: "label" },
      el("label", { for: "notes", title: "The comment above the pipeline in hakiri.toml" }, "notes"),
      said.people,
    ),
    el("div", { class: "control" }, input, said.node),
  );
  // Without a pause after an edit of somebody else: the next letter typed here must not undo it.
  const renew = () => isComposing || replaceText(input, app.draft.text(path));
  const refresh = () => {
    renew();
    input.disabled = !app.canEdit() || app.draft.isRemoved(id);
    const [other] = app.marks.people(id, "notes");
    input.className = other ? `theirs c${other.colour}` : "";
    said.refresh();
  };
  return { node, refresh, renew };
}
