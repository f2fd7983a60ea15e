// The server goes away, softly and hard, or a room does: everybody comes back, and nothing that anybody typed is lost.

import { expect, pause, same, until } from "./world.mjs";

const TYPING_MS = 8;

// Everybody types while the server goes away and until they are back.
async function away(world, leave, people, id) {
  const count = () => Math.min(...people.map((person) => person.pipeline(id).size));
  let number = 0;
  let busy = true;
  const typing = (async () => {
    for (; busy; number += 1) {
      people.forEach((person, who) => person.set(id, `typed_${who}_${number}`, number));
      await pause(TYPING_MS);
    }
  })();
  await until("some edits are acknowledged", () => people.every(({ acks }) => acks > 5));
  await world.ask(leave);
  await until("everybody noticed", () => people.every(({ closes }) => closes.length > 0));
  await world.ask("start");
  await until("everybody is back", () => people.every(({ statuses }) => statuses.at(-1) === "joined"));
  busy = false;
  await typing;
  await until("everybody has every edit", () => count() === number * people.length);
  const late = await world.member();
  expect("the server has them, too", same(late, ...people));
}

export default {
  async "what was edited offline arrives, from both sides"(world) {
    const [ann, bea] = [await world.member(), await world.member(world.tokens.second)];
    ann.client.close();
    await until("she is offline", () => ann.closes.length > 0);
    ann.set("offline", "paused", true);
    bea.set("offline", "timezone", "UTC");
    await ann.client.connect();
    await until("her edit arrives", () => bea.get("offline", "paused") === true);
    await until("the other one, too", () => ann.get("offline", "timezone") === "UTC" && same(ann, bea));
  },

  async "a server that restarts says so, and is found again"(world) {
    const people = [await world.member(), await world.member(world.tokens.second)];
    // Who types into a connection that ends may lose its last words; who listens hears them.
    const cleo = await world.member();
    await away(world, "stop", people, "restarted");
    expect(`it said ${cleo.closes[0].code}`, cleo.closes[0].code === 1012);
    await until("who listened is back, too", () => same(cleo, ...people));
  },

  async "a killed server is found again, and nothing is lost"(world) {
    const quick = [await world.member(), await world.member(world.tokens.second)];
    // With a token that takes time to get, edits overtake the join; they are refused, and sent again after it.
    const slow = await world.member(world.tokens.editor, { slow: 100 });
    await away(world, "kill", [...quick, slow], "killed");
    expect("edits did overtake the join", slow.refusals.includes("permission_denied"));
  },

  async "a draft that is rebuilt goes on in another room"(world) {
    const { room } = await world.ask("create", { name: "rebuilt" });
    const ann = await world.person(world.tokens.editor);
    await ann.join(room);
    ann.set("rebuilt", "paused", true);
    await until("the edit is acknowledged", () => ann.acks > 0);
    const { room: successor } = await world.ask("rebuild", { name: "rebuilt" });
    await until("the room lets go of her", () => ann.statuses.at(-1) === "error");
    expect("it is another room", successor !== room);
    const bea = await world.person(world.tokens.second);
    await bea.join(successor);
    await until("it says the same", () => bea.get("rebuilt", "paused") === true);
    expect("the connection is the same", ann.closes.length === 0 && ann.client.getStatus() === "connected");
  },

  async "a draft that is discarded lets everybody go"(world) {
    const { room } = await world.ask("create", { name: "discarded" });
    const ann = await world.person(world.tokens.editor);
    await ann.join(room);
    await world.ask("discard", { name: "discarded" });
    await until("the room lets go of her", () => ann.statuses.at(-1) === "error");
    expect("the connection is the same", ann.closes.length === 0 && ann.client.getStatus() === "connected");
  },
};
