// What stands under a field: who is in it, what is wrong with it, and values that people set at the same time.

import { button, el, fill } from "./dom.js";
import { shown } from "./values.js";

export function below(app, path, place) {
  const people = el("span", { class: "people" });
  const problems = el("div", {});
  const rivals = el("div", {});
  const node = el("div", {}, problems, rivals);
  let bad = false;
  let drawn = "";
  const refresh = () => {
    const { marks } = app;
    const told = marks.told(marks.problems, place.pipeline, place.field);
    const warned = marks.told(marks.warnings, place.pipeline, place.field);
    bad = told.length > 0;
    fill(people, ...marks.people(place.pipeline, place.field).map(chip));
    fill(problems, ...told.map((one) => tell(one, "bad")), ...warned.map((one) => tell(one, "quiet")));
    const contests = marks.rivals.filter((one) => one.pipeline === place.pipeline && one.field === place.field);
    // Drawn again only when something else is to be said, so that a button stays under the pointer.
    const says = JSON.stringify([contests, app.canEdit()]);
    if (says !== drawn) rivals.replaceChildren(...contests.map((contest) => choices(app, path, contest)));
    drawn = says;
  };
  return { node, people, refresh, isBad: () => bad };
}

export function chip({ name, colour }) {
  return el("span", { class: `chip c${colour}` }, name);
}

function tell({ message, expected }, mood) {
  return el("div", { class: `below ${mood}` }, expected ? `${message}; ${expected}` : message);
}

function choices(app, path, { values }) {
  return el(
    "div",
    { class: "rivals", role: "group", "aria-label": "Set by several people at once" },
    el("div", {}, "Set by several people at once:"),
    values.map(({ author, value }, place) =>
      el(
        "div",
        { class: "rival" },
        el("b", {}, author),
        el("code", {}, value === null ? "(taken away)" : shown(value)),
        place === 0 ? el("span", { class: "quiet" }, "counts now") : null,
        app.canEdit() ? button("Keep this", () => app.edit((draft) => draft.settle(path, value))) : null,
      ),
    ),
  );
}
