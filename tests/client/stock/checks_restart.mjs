// The server goes away, softly and hard, or a room does: everybody comes back, and nothing that anybody typed is lost.

import { expect, pause, same, until } from "./world.mjs";

// Edits on both sides while the server is away, then it comes back.
async function away(world, leave, [ann, bea], id) {
  let number = 0;
  let busy = true;
  const typing = (async () => {
    for (; busy; number += 1) {
      ann.set(id, `ann_${number}`, number);
      bea.set(id, `bea_${number}`, number);
      await pause(4);
    }
  })();
  await until("some edits are acknowledged", () => ann.acks > 5 && bea.acks > 5);
  await world.ask(leave);
  await pause(100);
  busy = false;
  await typing;
  await world.ask("start");
  const edits = () => Object.keys(ann.doc.toJSON().pipelines[id]).length;
  await until("both are back and the same", () => same(ann, bea) && edits() === 2 * number);
  const late = await world.member();
  expect("and the server has all of it", same(ann, late));
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
    await away(world, "stop", people, "restarted");
    expect(`it said ${people[0].closes[0].code}`, people.every(({ closes }) => closes[0].code === 1012));
  },

  async "a killed server is found again, and nothing is lost"(world) {
    const people = [await world.member(), await world.member(world.tokens.second)];
    await away(world, "kill", people, "killed");
  },

  async "edits that overtake a slow join arrive all the same"(world) {
    const people = [
      await world.member(world.tokens.editor, { slow: 60 }),
      await world.member(world.tokens.second, { slow: 60 }),
    ];
    await away(world, "kill", people, "overtaken");
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
