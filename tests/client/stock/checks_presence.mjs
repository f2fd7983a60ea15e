// Presence: who is here, told to everybody who is or comes, and gone with the connection.

import { expect, until } from "./world.mjs";

export default {
  async "presence is seen by who is here and who comes later"(world) {
    const [ann, bea] = [await world.member(), await world.member(world.tokens.second)];
    const [annSees, beaSees] = [await ann.appear(), await bea.appear()];
    annSees.set("editor/tab", { pipeline: "orders" });
    await until("she is seen", () => beaSees.get("editor/tab")?.pipeline === "orders");
    beaSees.set("second/tab", { pipeline: "refunds" });
    await until("and sees", () => annSees.get("second/tab")?.pipeline === "refunds");
    const late = await world.member(world.tokens.viewer);
    const lateSees = await late.appear();
    await until("who comes later sees both", () => lateSees.get("editor/tab") && lateSees.get("second/tab"));
    annSees.set("editor/tab", { pipeline: "lines" });
    await until("a move is seen", () => lateSees.get("editor/tab")?.pipeline === "lines");
    beaSees.delete("second/tab");
    await until("a goodbye is seen", () => annSees.get("second/tab") === undefined);
  },

  async "a viewer is seen too"(world) {
    const [ann, vic] = [await world.member(), await world.member(world.tokens.viewer)];
    const [annSees, vicSees] = [await ann.appear(), await vic.appear()];
    vicSees.set("viewer/tab", { pipeline: "orders" });
    await until("he is seen", () => annSees.get("viewer/tab")?.pipeline === "orders");
  },

  async "presence is gone when its connection closes"(world) {
    const [ann, bea] = [await world.member(), await world.member(world.tokens.second)];
    const annSees = await ann.appear();
    const beaSees = await bea.appear();
    beaSees.set("second/closing", { pipeline: "orders" });
    await until("she is seen", () => annSees.get("second/closing"));
    bea.client.close();
    await until("she is gone", () => annSees.get("second/closing") === undefined);
  },

  async "presence is told again after a reconnect"(world) {
    const [ann, bea] = [await world.member(), await world.member(world.tokens.second)];
    const annSees = await ann.appear();
    const beaSees = await bea.appear();
    beaSees.set("second/again", { pipeline: "orders" });
    await until("she is seen", () => annSees.get("second/again"));
    bea.client.close();
    await until("she is gone", () => annSees.get("second/again") === undefined);
    await bea.client.connect();
    await until("she is back", () => annSees.get("second/again")?.pipeline === "orders");
  },

  async "nobody speaks in another's name"(world) {
    const [ann, bea] = [await world.member(), await world.member(world.tokens.second)];
    const annSees = await ann.appear();
    const beaSees = await bea.appear();
    beaSees.set("editor/forged", { pipeline: "orders" });
    beaSees.set("second/honest", { pipeline: "orders" });
    await until("she is seen under her own name", () => annSees.get("second/honest"));
    expect("not under another's", annSees.get("editor/forged") === undefined);
  },
};
