// The checks in Node: in_node.mjs SETTING, where SETTING is the JSON that `runAll` is given.

import { WebSocket } from "ws";
import { runAll } from "./checks.mjs";
import { ask, tell } from "./wire.mjs";

globalThis.WebSocket = WebSocket;
// Clients complain on stderr of what is checked here; an error nobody caught must not go unnoticed.
process.on("unhandledRejection", (fault) => tell({ check: "no error is left uncaught", error: String(fault.stack) }));

await runAll(JSON.parse(process.argv[2]), { ask, tell });
process.exit(0);
