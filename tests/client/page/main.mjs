// Every check of the page by name, and the loop that runs them: main.mjs SETTING BROWSER.

import { ask, tell } from "../stock/wire.mjs";
import alone from "./alone.mjs";
import applying from "./applying.mjs";
import drafts from "./drafts.mjs";
import hostile from "./hostile.mjs";
import together from "./together.mjs";
import { World } from "./world.mjs";

const [setting, browser] = process.argv.slice(2);
const given = JSON.parse(setting);
// The last one looks at what all the others did.
const { keeping, ...others } = hostile;
const CHECKS = { ...together, ...applying, ...alone, ...drafts, ...others, ...keeping };

const world = await World.open({ ...given, browser, ask });
for (const [check, run] of Object.entries(CHECKS)) {
  if (given.only && !given.only.split("|").some((part) => check.includes(part))) continue;
  const began = Date.now();
  let error = "";
  try {
    await run(world);
  } catch (fault) {
    error = [fault?.stack ?? String(fault), ...(await world.describe())].join("\n");
  }
  await world.leave(!error);
  tell({ check, error, ms: Date.now() - began });
}
await world.close();
process.exit(0);
