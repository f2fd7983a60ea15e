// Every check by name, and the loop that runs them: the same in Node and in a browser.

import documents from "./checks_document.mjs";
import presence from "./checks_presence.mjs";
import refusals from "./checks_refusals.mjs";
import restarts from "./checks_restart.mjs";
import { pause, World } from "./world.mjs";

const CHECK_MS = 40_000;

const CHECKS = { ...documents, ...presence, ...refusals, ...restarts };

// Run the checks one after another and tell how each of them went.
export async function runAll(given, { ask, tell }) {
  const world = new World({ ...given, ask });
  for (const [check, run] of Object.entries(CHECKS)) {
    if (given.only && !check.includes(given.only)) continue;
    const began = Date.now();
    let error = "";
    try {
      await Promise.race([run(world), tooLong()]);
    } catch (fault) {
      error = describe(fault, world.people);
    }
    world.leave();
    await tell({ check, error, ms: Date.now() - began });
  }
}

async function tooLong() {
  await pause(CHECK_MS);
  throw new Error(`not done within ${CHECK_MS} ms`);
}

function describe(fault, people) {
  const states = people.map(({ token, statuses, refusals, closes, faults, acks }) =>
    JSON.stringify({ token: token.slice(0, 16), statuses, refusals, closes, faults: faults.slice(-3), acks }),
  );
  return [fault?.stack ?? String(fault), ...states].join("\n");
}
