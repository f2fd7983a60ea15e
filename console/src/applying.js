// Applies exactly what is shown: first it is held still, and then it is applied.

import { button, el, say } from "./dom.js";
import { moment } from "./values.js";

const HELD_UP = new Set(["conflict", "unknown_heads", "unresolved"]);

export function applyButtons(app) {
  const result = el("div", { class: "result", role: "status" });
  const ask = button("Apply…", () => begin(app, tell), { class: "main", id: "apply" });
  const go = button("", () => apply(app, tell), { class: "main", id: "apply-now" });
  const cancel = button("Cancel", () => app.reviewing.release());
  const why = el("span", { class: "quiet" });
  const node = el("div", { class: "apply" }, el("div", { class: "line" }, ask, go, cancel, why), result);

  function tell(text, mood = "", action = "", act = () => {}) {
    result.className = `result ${mood}`;
    result.replaceChildren(...(text ? [el("span", {}, text)] : []), ...(action ? [button(action, act)] : []));
  }

  const refresh = () => {
    const { held, latest } = app.reviewing;
    const reason = hindrance(app, held ?? latest);
    ask.hidden = Boolean(held);
    go.hidden = cancel.hidden = !held;
    ask.disabled = Boolean(reason);
    go.disabled = Boolean(reason) || app.isApplying === true;
    const { changes } = (held ?? latest)?.plan ?? { changes: [] };
    say(go, changes.length === 1 ? "Apply this change" : `Apply these ${changes.length} changes`);
    say(why, held ? "Others may go on editing meanwhile." : reason);
  };
  return { node, refresh };
}

function hindrance(app, review) {
  if (app.room?.isRead && !app.canEdit()) return "To apply takes the role editor.";
  if (!review) return " ";
  if (app.room.status !== "joined") return "Not while the server is away.";
  if (review.problems.length) return "Not while there are problems.";
  if (review.removals.length) return "Not while something is to be decided.";
  return review.plan.changes.length ? "" : "Nothing differs from what is live.";
}

function begin(app, tell) {
  tell("");
  app.flush();
  app.reviewing.hold();
}

async function apply(app, tell, again = false) {
  const review = app.reviewing.held;
  if (!review || app.isApplying) return;
  app.isApplying = true;
  try {
    const body = { heads: review.heads, based_on: review.based_on, draft: review.draft, again };
    const { revision, created, mirrored } = await app.api.post("/config/apply", body);
    const late = mirrored ? "" : " The object store will have it later.";
    tell(created ? `Revision ${revision.number} is live.${late}` : "Nothing differed from what is live.", "good");
    app.room.presence.at({ live: revision.number });
    done(app);
  } catch (error) {
    if (error.code === "undone") {
      return tell(whyUndone(error), "bad", "Apply it all the same", () => apply(app, tell, true));
    }
    tell(whyNot(error), "bad");
    if (HELD_UP.has(error.code)) done(app);
  } finally {
    app.isApplying = false;
    app.refresh();
  }
}

// Look anew: what was shown is not what there is any more.
function done(app) {
  app.reviewing.forget();
  app.look();
}

function whyUndone(error) {
  const { head, by, at } = error.detail;
  return `Not applied: this was live before, and ${by} went back from it with revision ${head} at ${moment(at)}.`;
}

function whyNot(error) {
  const { head, by, at } = error.detail;
  if (head !== undefined && by) {
    return `Not applied: ${by} applied revision ${head} at ${moment(at)}, after you looked. Below is what applying does now.`;
  }
  return `Not applied: ${error.message}.`;
}
