// Documents: joining, editing together, and what comes in pieces or out of order.

import { encodeFrontiers, LoroDoc } from "loro-crdt";
import { canonical, expect, pause, same, until } from "./world.mjs";

const SOME_KB = 700;

export default {
  async "a member joins with a token and the version it has"(world) {
    const first = await world.member();
    first.set("joining", "description", "x".repeat(20_000));
    await until("the edit is acknowledged", () => first.acks > 0);
    const fresh = await world.member();
    expect("somebody new got all of it", fresh.get("joining", "description")?.length === 20_000);
    const knows = await world.member(world.tokens.editor, { doc: copyOf(first.doc) });
    first.set("joining", "paused", true);
    await until("the next edit arrives", () => knows.get("joining", "paused") === true);
    expect(`only that was sent, ${knows.applied} bytes`, knows.applied < 2_000);
  },

  async "edits of maps, text and movable lists converge"(world) {
    const [ann, bea] = [await world.member(), await world.member(world.tokens.second)];
    const order = (person) => person.pipeline("together").ensureMergeableMovableList("order");
    const notes = (person) => person.pipeline("together").ensureMergeableText("notes");
    for (const table of ["orders", "lines", "refunds"]) order(ann).push(table);
    ann.doc.commit();
    await until("the tables arrive", () => bea.get("together", "order")?.length === 3);
    for (let step = 0; step < 60; step += 1) {
      ann.set("together", `field_${step % 7}`, step);
      notes(bea).insert(0, `${step % 10}`);
      order(step % 2 ? ann : bea).move(step % 3, (step + 1) % 3);
      ann.doc.commit();
      bea.doc.commit();
      if (step % 20 === 0) await pause(1);
    }
    await until("both say the same", () => same(ann, bea) && bea.get("together", "notes").length === 60);
    const late = await world.member();
    expect("somebody new reads the same", same(ann, bea, late));
    const { heads } = await world.ask("draft");
    expect("and the server is where they are", heads === base64url(encodeFrontiers(ann.doc.oplogFrontiers())));
    expect("no table is lost", canonical([...late.get("together", "order")].sort()) === '["lines","orders","refunds"]');
  },

  async "a pipeline that two create at once is one"(world) {
    const [ann, bea] = [await world.person(world.tokens.editor), await world.person(world.tokens.second)];
    ann.pipeline("at_once").ensureMergeableMap("source").set("connector", "http");
    bea.pipeline("at_once").ensureMergeableMap("source").ensureMergeableMap("config").set("url", "https://example.com");
    ann.doc.commit();
    bea.doc.commit();
    await ann.join();
    await bea.join();
    const both = canonical({ config: { url: "https://example.com" }, connector: "http" });
    await until("both halves are there, for both", () =>
      [ann, bea].every((person) => canonical(person.get("at_once", "source")) === both),
    );
  },

  async "an update over 256 KiB arrives whole, and in a join too"(world) {
    const [ann, bea] = [await world.member(), await world.member(world.tokens.second)];
    // Many values: one run of text of this size takes any replica seconds to merge.
    for (let part = 0; part < SOME_KB / 7; part += 1) ann.pipeline("large").set(`part_${part}`, noise(7 << 10));
    ann.doc.commit();
    await until("it is acknowledged and there", () => ann.acks > 0 && same(ann, bea));
    const late = await world.member();
    expect(`somebody new got ${late.applied} bytes`, same(ann, late) && late.applied > SOME_KB << 10);
    expect("nothing was refused", ann.refusals.length === 0);
    // This much in every later join would only slow the other checks down.
    for (const key of Object.keys(ann.doc.toJSON().pipelines.large)) ann.pipeline("large").delete(key);
    ann.doc.commit();
    await until("it is gone again", () => same(ann, bea));
  },

  async "an update that lacks what it builds on is answered with a rejoin"(world) {
    const [ann, bea] = [await world.member(), await world.member(world.tokens.second)];
    const elsewhere = copyOf(ann.doc);
    const steps = [];
    elsewhere.subscribeLocalUpdates((update) => steps.push(update));
    for (const schedule of ["@hourly", "@daily", "@weekly"]) {
      elsewhere.getMap("pipelines").ensureMergeableMap("gap").set("schedule", schedule);
      elsewhere.commit();
      await pause(0);
    }
    expect("three updates were made", steps.length === 3);
    ann.doc.import(elsewhere.export({ mode: "update" }));
    ann.statuses.length = 0;
    ann.client.sendExternalUpdates("%LOR", world.room, [steps[2]]);
    await until("the client joins again", () => canonical(ann.statuses) === '["reconnecting","joined"]');
    await until("what was missing came with it", () => bea.get("gap", "schedule") === "@weekly");
    expect("nothing was refused", ann.refusals.length === 0);
  },

  async "who left hears nothing more, and may come back"(world) {
    const [ann, bea, cleo] = [await world.member(), await world.member(world.tokens.second), await world.member()];
    await bea.room.destroy();
    await bea.client.ping();
    ann.set("leaving", "paused", true);
    await until("who stayed sees the edit", () => cleo.get("leaving", "paused") === true);
    await bea.client.ping();
    expect("who left does not", bea.get("leaving", "paused") === undefined);
    const again = await world.member(world.tokens.second, { doc: bea.doc });
    expect("who comes back does", again.get("leaving", "paused") === true);
  },

  async "a ping is answered"(world) {
    const ann = await world.member();
    await ann.client.ping(2000);
    expect("the time is measured", ann.client.getLatency() >= 0);
  },
};

const copyOf = (doc) => LoroDoc.fromSnapshot(doc.export({ mode: "snapshot" }));

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

function noise(length) {
  let text = "";
  while (text.length < length) text += Math.random().toString(36).slice(2);
  return text.slice(0, length);
}
