// Starts the page: the sign-in, and then the draft.

import init from "loro-crdt";
import { App } from "./app.js";
import { button, el, say } from "./dom.js";
import { forget, keptToken, signIn } from "./session.js";

const page = document.getElementById("page");
const started = init({ module_or_path: "/console/loro.wasm" });

function askForToken(message = "") {
  const input = el("input", { id: "token", type: "password", autocomplete: "current-password", spellcheck: "false" });
  const fault = el("p", { class: "bad", role: "alert" }, message);
  const form = el(
    "form",
    { class: "signin", onsubmit: (event) => (event.preventDefault(), submit()) },
    el("h1", {}, "hakiri"),
    el("p", { class: "quiet" }, "Edit the team's configuration together, and apply it."),
    el("label", { for: "token" }, "Your token"),
    input,
    fault,
    el("button", { class: "main" }, "Sign in"),
    el("p", { class: "quiet" }, "It begins with hak_. It is kept until this tab is closed."),
  );
  const submit = async () => {
    if (!input.value.trim()) return say(fault, "Paste your token first.");
    say(fault, "");
    await enter(input.value, (text) => say(fault, text));
  };
  page.replaceChildren(form);
  input.focus();
}

async function enter(token, fail) {
  let session;
  try {
    [session] = await Promise.all([signIn(token), started]);
  } catch (error) {
    if (error.status === 401) {
      forget();
      return fail("This token is not known here. It may be mistyped, revoked or expired.");
    }
    return fail(`Signing in did not work: ${error.message}.`);
  }
  const app = new App(session, page, (why) => {
    forget();
    askForToken(why);
  });
  await app.start();
}

const kept = keptToken();
if (kept) {
  enter(kept, (text) => {
    askForToken(text);
    if (keptToken()) page.append(button("Try again", () => location.reload(), { class: "retry" }));
  });
} else {
  askForToken();
}
