// A pipeline that was removed: to bring it back, or, if somebody edited it meanwhile, to decide.

import { button, el } from "./dom.js";

export function grave(app, id) {
  const node = el("div", {});
  let drawn = "";
  const refresh = () => {
    const removal = app.marks.removals.get(id);
    const isRemoved = app.draft.isRemoved(id);
    const says = JSON.stringify([isRemoved, removal ?? null, app.canEdit()]);
    if (says === drawn) return;
    drawn = says;
    node.replaceChildren(...(isRemoved ? [panel(app, id, removal)] : []));
  };
  return { node, refresh };
}

function panel(app, id, removal) {
  const keep = (text) => button(text, () => app.edit((draft) => draft.restorePipeline(id)));
  if (!removal) {
    const text = "This pipeline is removed from the draft. It stops with the next apply.";
    return el("div", { class: "banner" }, el("span", {}, text), app.canEdit() ? keep("Bring it back") : null);
  }
  return el(
    "div",
    { class: "banner bad", role: "alert" },
    el("span", {}, `${removal.removed_by} removed this pipeline while ${list(removal.edited_by)} edited it. Nothing can be applied until somebody decides.`),
    app.canEdit() ? keep("Keep it, with the edits") : null,
    app.canEdit() ? button("Remove it anyway", () => app.edit((draft) => draft.removePipeline(id))) : null,
  );
}

const list = (names) => (names.length ? names.join(" and ") : "somebody");
