// The checks in a page; the driver gives `ask` and `tell`, and calls `run`.

import { runAll } from "./checks.mjs";

globalThis.run = (given) => runAll(given, { ask: globalThis.ask, tell: globalThis.tell });
