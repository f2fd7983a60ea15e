// The right: what applying the draft does, and doing it.

import { applyButtons } from "./applying.js";
import { button, el } from "./dom.js";
import { SETTINGS } from "./marks.js";
import { moment, parts, shown } from "./values.js";

const KINDS = [
  ["added", "Starts"],
  ["removed", "Stops"],
  ["retimed", "Fires at other times"],
];

export class Review {
  constructor(app) {
    this.app = app;
    this.heading = el("h2", {}, "What applying does");
    this.freshness = el("p", { class: "quiet", role: "status" });
    this.body = el("div", { class: "reviewed" });
    this.apply = applyButtons(app);
    this.node = el("aside", { "aria-label": "What applying does" }, this.heading, this.apply.node, this.freshness, this.body);
    this._drawn = "";
  }

  refresh() {
    const { app } = this;
    const { shown: review, fault } = app.reviewing;
    this.apply.refresh();
    this.freshness.textContent = this._freshness(review, fault);
    // Drawn again only when it says something else: buttons stay where they are under the pointer.
    const says = JSON.stringify([review, app.name, app.edits.items]);
    if (says === this._drawn) return;
    this._drawn = says;
    this.body.replaceChildren(...(review ? this._body(review) : []));
  }

  _freshness(review, fault) {
    const { app } = this;
    if (fault) return `Could not look: ${fault}.`;
    if (!review) return app.room?.isRead ? "Looking…" : "";
    if (app.room.status !== "joined") return "As it was before the connection was lost.";
    if (app.reviewing.held) {
      return app.reviewing.isCurrent() ? "" : "The draft was edited since. What is listed here is what will be applied.";
    }
    return app.reviewing.isCurrent() ? "" : "The draft was edited, looking again…";
  }

  _body(review) {
    const { plan, problems, removals, rivals, based_on: live } = review;
    const fires = plan ? Object.entries(plan.next_fires) : [];
    const touched = new Set(plan ? [...plan.added, ...plan.retimed] : []);
    return [
      el("p", { class: "quiet" }, live ? `Live is revision ${live}.` : "Nothing is live yet."),
      section("Problems", problems.map((problem) => this._problem(problem)), "bad"),
      section("To decide", removals.map((removal) => this._removal(removal)), "bad"),
      section("Removed while others edited it", (review.lost ?? []).map((lost) => this._lost(lost))),
      section("Set by several people at once", rivals.map((one) => this._rivals(one))),
      ...(plan ? KINDS.map(([kind, word]) => section(word, plan[kind].map((id) => this._link(id, "", id)))) : []),
      section("Changes", (plan?.changes ?? []).map((change) => this._change(change))),
      section("Next fires", fires.filter(([id]) => touched.has(id)).map(([id, at]) => item(this._link(id, "schedule", id), at ? ` ${moment(at)}` : " never"))),
      section("Warnings", (plan?.warnings ?? []).map((warning) => this._problem(warning))),
    ];
  }

  _problem({ path, message, expected }) {
    const names = parts(path);
    const isInside = names[0] === "pipeline" || names[0] === "pipelines";
    const link = this._link(isInside ? names[1] : SETTINGS, names.slice(isInside ? 2 : 0).join("\n"), path || "draft");
    return item(link, `: ${message}`, expected ? el("span", { class: "quiet" }, `; ${expected}`) : null);
  }

  _removal({ pipeline, removed_by: by, edited_by: editors }) {
    return item(this._link(pipeline, "", pipeline), `: ${by} removed it, ${editors.join(" and ") || "somebody"} edited it.`);
  }

  _lost({ path, removed_by: by, edited_by: editors, edits }) {
    const names = parts(path);
    const link = this._link(names[1] ?? SETTINGS, names.slice(2).join("\n"), path);
    return item(link, `: ${by} removed it, ${editors.join(" and ") || "somebody"} edited it.`, edits.map((one) => el("div", { class: "quiet" }, one)));
  }

  _rivals({ path, values }) {
    const isInside = path[0] === "pipelines";
    const [pipeline, names] = isInside ? [path[1], path.slice(2)] : [SETTINGS, path.slice(1)];
    const link = this._link(pipeline, names.join("\n"), [isInside ? pipeline : "project", ...names].join(" › "));
    const said = values.map(({ author, value }) => `${author}: ${value === null ? "(taken away)" : shown(value)}`);
    return item(link, el("span", {}, ` ${said.join(" · ")}`));
  }

  _change(change) {
    const { kind, path, pipeline, old, new: fresh } = change;
    const names = parts(path);
    const inner = names[0] === "pipeline" ? names.slice(2) : names;
    const link = this._link(pipeline ?? SETTINGS, inner.join("\n"), [pipeline ?? "project", ...inner].join(" › "));
    if (kind === "pipeline_added") return item(link, el("ins", {}, "added"), this._authors(change));
    if (kind === "pipeline_removed") return item(link, el("del", {}, "removed"), this._authors(change));
    return item(
      link,
      kind === "comment" ? el("span", { class: "quiet" }, " comment") : null,
      el("div", { class: "diff" }, told("del", kind, old), told("ins", kind, fresh)),
      this._authors(change),
    );
  }

  _authors(change) {
    const names = this.app.edits.authors(change);
    return names.length ? el("span", { class: "quiet by" }, ` by ${names.join(" and ")}`) : null;
  }

  _link(pipeline, name, label) {
    return button(label, () => this.app.form.goTo(pipeline, name), { class: "link" });
  }
}

const item = (...children) => el("li", {}, ...children);

const text = (value) => (Array.isArray(value) && value.every((line) => typeof line === "string") ? value.join(", ") : shown(value));

// A comment comes as the lines above its place, the one behind it, and the last ones inside.
const spoken = (kind, value) => (kind === "comment" && Array.isArray(value) ? value.flat().filter(Boolean).join(" / ") : text(value));

function told(tag, kind, value) {
  const said = value === null ? "" : spoken(kind, value);
  return said === "" ? null : el(tag, {}, said);
}

function section(title, items, mood = "") {
  if (!items.length) return el("div", { hidden: true });
  const list = items.map((one) => (one.tagName === "LI" ? one : item(one)));
  return el("div", { class: `part ${mood}` }, el("h3", {}, `${title} (${items.length})`), el("ul", {}, ...list));
}
