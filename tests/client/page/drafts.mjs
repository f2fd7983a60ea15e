// Other drafts than the main one, and documents that go on elsewhere.

import { expect, until } from "./world.mjs";

export default {
  async "a draft beside the main one is opened, and discarded"(world) {
    const [ann, bea] = await world.pair();
    await ann.button("New draft").click();
    await ann.page.getByLabel("Name of the draft").fill("trial");
    await ann.button("Open it").click();
    await until("ann is in it", async () => (await ann.page.locator("#draft").inputValue()) === "trial");
    await ann.saved();
    await ann.addGood("tried");
    await bea.page.reload();
    await bea.saved();
    expect("it is not in the main one", (await bea.page.locator('nav [data-pipeline="tried"]').count()) === 0);
    await bea.page.locator("#draft").selectOption("trial");
    await bea.choose("tried");
    await ann.sees("bea", "header .people");
    // What is applied without it is brought in, and its own edits stay.
    const { manifest } = await world.ask("head");
    const more = '[[pipeline]]\nid = "brought_in"\ntables = ["rows"]\nsource = { connector = "http" }\n';
    await world.ask("apply", { text: `${manifest}\n${more}` });
    await bea.page.evaluate(() => window.dispatchEvent(new Event("focus")));
    await bea.button("Bring live in").click();
    await ann.choose("brought_in");
    await ann.choose("tried");
    await bea.button("Bring live in").waitFor({ state: "hidden" });
    await ann.button("Discard").click();
    await ann.button("Discard it").click();
    for (const person of [ann, bea]) {
      await until("they are back in the main one", async () => (await person.page.locator("#draft").inputValue()) === "main");
      await person.saved();
    }
    await bea.sees("was discarded", ".notices");
  },

  async "a draft that goes on in a new document is followed"(world) {
    const [ann, bea] = await world.pair();
    await ann.addGood("moved");
    await bea.choose("moved");
    await world.ask("rebuild", { name: "main" });
    for (const person of [ann, bea]) await person.sees("goes on in a new document", ".notices");
    await Promise.all([ann.saved(), bea.saved()]);
    await ann.choose("moved");
    await ann.set("schedule", "every 2h");
    await bea.choose("moved");
    await bea.reads("schedule", "every 2h");
    await bea.button("History").click();
    await bea.button("Recent edits").click();
    await bea.sees("rebuilt the document", "dialog[open]");
    await bea.button("Close").click();
  },
};
