// What a member may not do: each refusal in the words of the protocol, and the connection usable after it.

import { LoroDoc } from "loro-crdt";
import { expect, pause, same, until } from "./world.mjs";

const NOBODY = `hak_0123456789ab_${"0".repeat(64)}`;

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error.message;
  }
  throw new Error("it did not fail");
}

export default {
  async "a viewer reads everything and writes nothing"(world) {
    const ann = await world.member();
    ann.set("viewed", "paused", false);
    const vic = await world.member(world.tokens.viewer);
    await until("he reads", () => vic.get("viewed", "paused") === false);
    vic.set("viewed", "paused", true);
    await until("his edit is refused", () => vic.refusals.includes("permission_denied"));
    ann.set("viewed", "timezone", "UTC");
    await until("he reads on", () => vic.get("viewed", "timezone") === "UTC");
    expect("nobody got his edit", ann.get("viewed", "paused") === false);
  },

  async "a bad token fails the join, and a good one is let in after it"(world) {
    const who = await world.person(NOBODY);
    const said = await failure(who.join());
    expect(said, said.startsWith("Join failed: 2 - "));
    who.token = world.tokens.editor;
    await who.join();
    await who.room.waitForReachingServerVersion();
  },

  async "garbage is refused as invalid and changes nothing"(world) {
    const [ann, bea] = [await world.member(), await world.member(world.tokens.second)];
    ann.client.sendExternalUpdates("%LOR", world.room, [new Uint8Array(10).fill(7)]);
    await until("it is refused", () => ann.refusals.includes("invalid_update"));
    ann.set("garbage", "paused", true);
    await until("the connection is as good as before", () => same(ann, bea) && bea.get("garbage", "paused"));
  },

  async "a snapshot is no update"(world) {
    const [ann, bea] = [await world.member(), await world.member(world.tokens.second)];
    const elsewhere = new LoroDoc();
    elsewhere.getMap("pipelines").ensureMergeableMap("snapshot").set("paused", true);
    elsewhere.commit();
    ann.client.sendExternalUpdates("%LOR", world.room, [elsewhere.export({ mode: "snapshot" })]);
    await until("it is refused", () => ann.refusals.includes("invalid_update"));
    expect("nobody got it", bea.get("snapshot", "paused") === undefined);
  },

  async "a room of another epoch says where the draft went on"(world) {
    const ann = await world.person(world.tokens.editor);
    const said = await failure(ann.join(world.room.replace(/[^:]*$/, "0".repeat(12))));
    expect(said, said.startsWith("Join failed: 127 - ") && said.includes(world.room));
    await ann.join();
  },

  async "a draft that never was cannot be joined"(world) {
    const ann = await world.person(world.tokens.editor);
    const said = await failure(ann.join("config:nobodys:0123456789ab"));
    expect(said, said.startsWith("Join failed: 127 - "));
    expect("nor a room without a draft", (await failure(ann.join("orders"))).startsWith("Join failed: 127 - "));
  },

  async "a member who becomes a viewer comes back as one"(world) {
    const { token, member } = await world.ask("token");
    const [dan, ann] = [await world.member(token), await world.member()];
    dan.set("demoted", "paused", false);
    await until("he writes", () => ann.get("demoted", "paused") === false);
    await world.ask("demote", { member });
    await until("his connection is closed", () => dan.closes.length > 0);
    expect(`to be opened again: ${dan.closes[0].code}`, dan.closes[0].code === 1012);
    await until("he is back", () => dan.statuses.at(-1) === "joined");
    dan.set("demoted", "paused", true);
    await until("he writes no more", () => dan.refusals.includes("permission_denied"));
    expect("nobody got his edit", ann.get("demoted", "paused") === false);
  },

  async "a revoked token is shut out for good"(world) {
    const { token, id } = await world.ask("token");
    const ann = await world.member(token);
    await world.ask("revoke", { token_id: id });
    await until("the socket is closed", () => ann.closes.length > 0);
    expect(`it says why: ${ann.closes[0].code}`, ann.closes[0].code === 4401);
    await pause(600);
    expect("the client does not try again", ann.client.getStatus() === "disconnected" && ann.closes.length === 1);
    expect("nor is the room alive", ann.statuses.at(-1) === "disconnected");
  },
};
