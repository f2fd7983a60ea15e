// What there is to say of each pipeline and field: problems, rivals, removals, and who is there.

import { parts } from "./values.js";

export const SETTINGS = "*";

export class Marks {
  constructor(app) {
    this.app = app;
    this.renew();
  }

  // Called at each redraw.
  renew() {
    const { reviewing, room } = this.app;
    this.others = room?.presence.others() ?? [];
    const review = reviewing?.latest;
    if (review === this._review) return;
    this._review = review;
    const warnings = review?.plan?.warnings ?? [];
    this.problems = (review?.problems ?? []).map((problem) => ({ ...problem, ...placeOf(problem.path) }));
    this.faulty = new Set(this.problems.map(({ pipeline }) => pipeline));
    this.warnings = warnings.map((warning) => ({ ...warning, ...placeOf(warning.path) }));
    this.rivals = (review?.rivals ?? []).map((rivals) => ({ ...rivals, ...homeOf(rivals.path) }));
    this.removals = new Map((review?.removals ?? []).map((removal) => [removal.pipeline, removal]));
    // A plan says it; while there is none, the last one may, unless something else is live since.
    if (this.live && this.live.basedOn !== review?.based_on) this.live = undefined;
    if (review?.plan) {
      const { added, changed, retimed, removed } = review.plan;
      const basedOn = review.based_on;
      this.live = { basedOn, added: new Set(added), edited: new Set([...changed, ...retimed]), removed: new Set(removed) };
    }
  }

  people(pipeline, field) {
    return this.others.filter((one) => one.pipeline === pipeline && (field === undefined || one.field === field));
  }

  // Problems and warnings of exactly this field or of something inside it.
  told(list, pipeline, field) {
    return list.filter((one) => one.pipeline === pipeline && isWithin(one.field, field));
  }

  words(id) {
    const words = [];
    const { app } = this;
    const isRemoved = app.draft.isRemoved(id);
    if (this.removals.has(id)) words.push(["conflict", "bad"]);
    else if (isRemoved) words.push([this.live?.removed.has(id) ? "removed, not applied" : "removed", "quiet"]);
    if (this.faulty.has(id)) words.push(["problem", "bad"]);
    if (!isRemoved && this.live?.added.has(id)) words.push(["new", "note"]);
    if (!isRemoved && this.live?.edited.has(id)) words.push(["edited", "note"]);
    return words;
  }
}

export const isWithin = (field, outer) => outer === "" || field === outer || field.startsWith(`${outer}\n`);

// The field of a path as one text. A name may hold a dot, so it is no dotted one.
export const keyOf = (path) => path.join("\n");

function placeOf(path) {
  const names = parts(path);
  const inside = names[0] === "pipeline" || names[0] === "pipelines";
  return inside ? { pipeline: names[1] ?? "", field: keyOf(names.slice(2)) } : { pipeline: SETTINGS, field: keyOf(names) };
}

function homeOf(path) {
  const inside = path[0] === "pipelines";
  return inside ? { pipeline: path[1], field: keyOf(path.slice(2)) } : { pipeline: SETTINGS, field: keyOf(path.slice(1)) };
}
