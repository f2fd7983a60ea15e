// Two people in one draft.

import { expect, until } from "./world.mjs";

export default {
  async "two people see each other, and in which pipeline and field"(world) {
    const [ann, bea] = await world.pair();
    await ann.sees("bea", "header .people");
    await ann.addGood("meeting");
    await bea.sees("ann in meeting", "header .people");
    await bea.sees("ann", 'nav [data-pipeline="meeting"]');
    await bea.choose("meeting");
    await ann.field("schedule").focus();
    await bea.page.locator(".field", { has: bea.field("schedule") }).getByText("ann", { exact: true }).waitFor();
    await ann.field("timezone").focus();
    await bea.page.locator(".field", { has: bea.field("timezone") }).getByText("ann", { exact: true }).waitFor();
  },

  async "edits of one pipeline in different fields reach both"(world) {
    const [ann, bea] = await world.pair();
    await ann.addGood("orders");
    await bea.choose("orders");
    await Promise.all([ann.set("schedule", "every 15m"), bea.set("timezone", "Europe/Berlin")]);
    await bea.reads("schedule", "every 15m");
    await ann.reads("timezone", "Europe/Berlin");
    await ann.field("paused").check();
    await until("bea sees that it is paused", () => bea.field("paused").isChecked());
    await ann.mark("orders", "new");
    await Promise.all([ann.saved(), bea.saved()]);
  },

  async "a field that both set at once shows both values and who set them"(world) {
    const [ann, bea] = await world.pair();
    await ann.addGood("rivalry");
    await bea.choose("rivalry");
    await ann.offline();
    await ann.set("schedule", "every 5m");
    await bea.set("schedule", "every 7m");
    await bea.saved();
    await ann.online();
    for (const person of [ann, bea]) {
      const rivals = person.page.locator(".rivals");
      await rivals.waitFor();
      const text = await rivals.innerText();
      expect(`${person.name} reads both: ${text}`, ["ann", "every 5m", "bea", "every 7m"].every((part) => text.includes(part)));
    }
    const mine = bea.page.locator(".rival", { hasText: "every 7m" });
    await mine.getByRole("button", { name: "Keep this" }).click();
    await bea.page.locator(".rivals").waitFor({ state: "detached" });
    await ann.page.locator(".rivals").waitFor({ state: "detached" });
    await ann.reads("schedule", "every 7m");
  },

  async "notes that two type at once are merged, and no caret jumps"(world) {
    const [ann, bea] = await world.pair();
    await ann.addGood("remarks");
    await ann.field("notes").fill("middle");
    await bea.choose("remarks");
    await bea.reads("notes", "middle");
    await ann.field("notes").press("Control+Home");
    await bea.field("notes").press("Control+End");
    const [before, after] = ["what ann writes in front ", " and what bea adds behind"];
    await Promise.all([
      ann.page.keyboard.type(before, { delay: 12 }),
      bea.page.keyboard.type(after, { delay: 12 }),
    ]);
    await ann.reads("notes", `${before}middle${after}`);
    await bea.reads("notes", `${before}middle${after}`);
  },

  async "tables are added, given options and put in order"(world) {
    const [ann, bea] = await world.pair();
    await ann.addGood("shop", ["customers", "lines", "orders"]);
    await bea.choose("shop");
    const order = (person) => person.page.locator("[data-table] .tablehead b").allTextContents();
    const reads = (person, names) => until(`${person.name} reads ${names}`, async () => (await order(person)).join() === names);
    await reads(bea, "customers,lines,orders");
    await bea.button("Move orders up").click();
    await reads(ann, "customers,orders,lines");
    await ann.set("tables.orders.primary_key", "id, line");
    await bea.reads("tables.orders.primary_key", "id, line");
    await ann.button("Move customers down").click();
    await reads(bea, "orders,customers,lines");
    await ann.button("Remove table lines").click();
    await reads(bea, "orders,customers");
    await reads(ann, "orders,customers");
  },

  async "settings of a source are text or JSON, one by one"(world) {
    const [ann, bea] = await world.pair();
    await ann.addGood("settings");
    await bea.choose("settings");
    const add = async (person, name, value) => {
      await person.page.getByLabel("Name of a new setting").fill(name);
      await person.page.getByLabel("Value of the new setting").fill(value);
      await person.page.getByLabel("Value of the new setting").press("Enter");
    };
    await Promise.all([
      add(ann, "url", "https://shop.example.com/{table}"),
      add(bea, "pagination", '{"kind": "page", "param": "page"}'),
    ]);
    await bea.reads("source.config.url", "https://shop.example.com/{table}");
    await ann.reads("source.config.pagination", '{"kind":"page","param":"page"}');
    await ann.set("source.config.pagination", '{"kind":"none"}');
    await bea.reads("source.config.pagination", '{"kind":"none"}');
    await bea.button("Remove url").click();
    await until("it is gone for ann", async () => (await ann.field("source.config.url").count()) === 0);
  },

  async "who closes the page is gone from the others'"(world) {
    const [[ann], olga] = [await world.pair(), await world.person("olga")];
    await ann.sees("olga", "header .people");
    await olga.page.close();
    await ann.misses("olga", "header .people");
  },

  async "a server that is killed is found again, and nothing is lost"(world) {
    const [ann, bea] = await world.pair();
    await ann.addGood("killed");
    await bea.choose("killed");
    await world.ask("kill");
    await ann.state("reconnecting, your edits are kept here");
    await ann.set("schedule", "every 21m");
    await bea.field("notes").fill("while it was away");
    await world.ask("start");
    await Promise.all([ann.saved(), bea.saved()]);
    await ann.reads("notes", "while it was away");
    await bea.reads("schedule", "every 21m");
    await ann.sees("bea", "header .people");
  },

  async "what was edited offline is kept, and saved when the network is back"(world) {
    const [ann, bea] = await world.pair();
    await ann.addGood("offline");
    await bea.choose("offline");
    await ann.offline();
    await ann.set("schedule", "every 3h");
    await ann.field("notes").fill("written on a train");
    await bea.set("timezone", "Asia/Tokyo");
    await bea.saved();
    await ann.state("offline, your edits are kept here");
    expect("nothing came through", (await bea.field("schedule").inputValue()) === "");
    await ann.online();
    await bea.reads("schedule", "every 3h");
    await bea.reads("notes", "written on a train");
    await ann.reads("timezone", "Asia/Tokyo");
  },
};
