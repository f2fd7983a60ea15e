// Reviewing and applying: conflicts, going on while somebody applies, and being too late.

import { expect, until } from "./world.mjs";

const manifest = async (world) => (await world.ask("head")).manifest;

export default {
  async "a pipeline that one removes and another edits is a conflict for both"(world) {
    const [ann, bea] = await world.pair();
    await ann.addGood("contested");
    await bea.choose("contested");
    await ann.offline();
    await ann.button("Remove pipeline").click();
    await bea.set("schedule", "every 9m");
    await bea.saved();
    await ann.online();
    for (const person of [ann, bea]) {
      await person.sees("ann removed this pipeline while bea edited it", ".form");
      await person.mark("contested", "conflict");
      await person.sees("Not while something is to be decided", "aside");
      expect(`${person.name} may not apply`, await person.page.locator("#apply").isDisabled());
    }
    await bea.button("Keep it, with the edits").click();
    await ann.page.locator(".banner.bad").waitFor({ state: "detached" });
    await ann.reads("schedule", "every 9m");
    await until("it may be applied", () => ann.page.locator("#apply").isEnabled());
    // Removed again, by somebody who has seen the edit: no conflict.
    await ann.button("Remove pipeline").click();
    await bea.sees("is removed from the draft", ".form");
    await until("it may be applied", () => bea.page.locator("#apply").isEnabled());
  },

  async "what is applied is what was shown, although somebody went on typing"(world) {
    const [ann, bea] = await world.pair();
    await ann.addGood("shown");
    await ann.set("schedule", "every 20m");
    await bea.choose("shown");
    await bea.reads("schedule", "every 20m");
    await ann.saved();
    await ann.sees("shown", "aside");
    await ann.hold();
    const seen = await ann.page.locator(".reviewed").innerText();
    await bea.set("schedule", "every 40m");
    await bea.field("notes").fill("typed meanwhile");
    await bea.saved();
    await ann.sees("The draft was edited since", "aside");
    expect("what is shown stands still", (await ann.page.locator(".reviewed").innerText()) === seen);
    await ann.page.locator("#apply-now").click();
    await ann.sees("is live", ".result");
    const { number, manifest: live } = await world.ask("head");
    expect(`what was shown is live: ${live}`, live.includes('schedule = "every 20m"') && !live.includes("every 40m"));
    expect("nothing that came later", !live.includes("typed meanwhile"));
    await bea.sees(`Live is revision ${number}.`, "aside");
    await bea.mark("shown", "edited");
    await bea.sees("every 40m", "aside");
  },

  async "an apply that comes too late says who was faster, and when"(world) {
    const [ann, bea] = await world.pair();
    await ann.addGood("late");
    await bea.sees("late", "aside");
    await ann.hold();
    await bea.apply();
    const { number } = await world.ask("head");
    await ann.page.locator("#apply-now").click();
    await ann.sees(`Not applied: bea applied revision ${number} at`, ".result");
    await ann.sees("after you looked", ".result");
    await ann.sees(`Live is revision ${number}.`, "aside");
    await ann.sees("Nothing differs from what is live", "aside");
  },

  async "history shows what was applied, and goes back to it"(world) {
    const [ann] = await world.pair();
    await ann.addGood("historic");
    await ann.apply();
    const { number } = await world.ask("head");
    await ann.set("schedule", "every 11m");
    await ann.sees("every 11m", "aside");
    await ann.apply();
    await ann.button("History").click();
    await ann.sees(`Revision ${number + 1}`, "dialog[open]");
    const row = ann.page.locator(`[data-revision="${number}"]`);
    await row.getByRole("button", { name: "View" }).click();
    await ann.sees("historic", "dialog[open] pre");
    expect("as it was", !(await ann.page.locator("dialog[open] pre").innerText()).includes("every 11m"));
    await ann.button("All revisions").click();
    await row.getByRole("button", { name: "Go back to it" }).click();
    await ann.button(`Go back to revision ${number}`).click();
    await ann.page.locator(`[data-revision="${number + 2}"]`).getByText(`back to revision ${number}`).waitFor();
    await ann.button("Close").click();
    await ann.reads("schedule", "");
    expect("it is live", !(await manifest(world)).includes("every 11m"));
  },

  async "what was reverted is applied again only if somebody insists"(world) {
    const [ann, bea] = await world.pair();
    await ann.addGood("insisted");
    await ann.apply();
    const { number } = await world.ask("head");
    await ann.set("schedule", "every 19m");
    await ann.sees("every 19m", "aside");
    await ann.apply();
    await bea.button("History").click();
    await bea.page.locator(`[data-revision="${number}"]`).getByRole("button", { name: "Go back to it" }).click();
    await bea.button(`Go back to revision ${number}`).click();
    await bea.page.locator(`[data-revision="${number + 2}"]`).waitFor();
    await bea.button("Close").click();
    await ann.reads("schedule", "");
    await ann.set("schedule", "every 19m");
    await ann.sees("every 19m", "aside");
    await ann.hold();
    await ann.page.locator("#apply-now").click();
    await ann.sees(`Not applied: this was live before, and bea went back from it with revision ${number + 2} at`, ".result");
    expect("it is not live", (await world.ask("head")).number === number + 2);
    await ann.button("Apply it all the same").click();
    await ann.sees(`Revision ${number + 3} is live`, ".result");
    expect("now it is", (await manifest(world)).includes("every 19m"));
  },

  async "what is lost because its place was taken away is told to both"(world) {
    const [ann, bea] = await world.pair();
    await ann.addGood("losing", ["lines", "rows"]);
    await bea.choose("losing");
    await ann.offline();
    await ann.set("tables.lines.primary_key", "id");
    await bea.button("Remove table lines").click();
    await bea.saved();
    await ann.online();
    for (const person of [ann, bea]) {
      const told = person.page.locator("aside .part", { hasText: "Removed while others edited it" });
      await told.getByText("bea removed it, ann edited it.").waitFor();
      expect(`${person.name} reads what is lost`, (await told.innerText()).includes("primary_key"));
    }
    // Nothing is to be decided: who needs it writes it again.
    await ann.apply();
    await ann.misses("Removed while others edited it", "aside");
  },

  async "every change is shown with who made it, and the edits are told"(world) {
    const [ann, bea] = await world.pair();
    await ann.addGood("authored");
    await bea.choose("authored");
    await ann.apply();
    await ann.set("schedule", "every 13m");
    await bea.field("notes").fill("said by bea");
    const change = (name) => ann.page.locator("aside li", { hasText: `authored › ${name}` });
    await until("who set the schedule", async () => (await change("schedule").innerText()).includes("by ann"));
    await ann.button("History").click();
    await ann.button("Recent edits").click();
    await ann.sees("every 13m", "dialog[open]");
    const edits = await ann.page.locator("dialog[open]").innerText();
    expect(`both are told, and the apply: ${edits}`, ["ann", "bea", "applied revision"].every((word) => edits.includes(word)));
    await ann.button("Close").click();
  },

  async "what is applied at the command line arrives in the page"(world) {
    const [ann, bea] = await world.pair();
    await ann.addGood("scripted");
    await ann.apply();
    const live = (await world.ask("head")).manifest;
    await bea.choose("scripted");
    await bea.field("notes").fill("not applied by anybody");
    await bea.saved();
    const text = live.replace('id = "scripted"', 'id = "scripted"\nschedule = "every 17m"');
    const { revision } = await world.ask("apply", { text });
    await ann.reads("schedule", "every 17m");
    await ann.sees(`Live is revision ${revision.number}.`, "aside");
    await ann.reads("notes", "not applied by anybody");
    await ann.mark("scripted", "edited");
  },

  async "a problem leads to its field"(world) {
    const [ann] = await world.pair();
    await ann.addGood("faulty");
    await ann.set("schedule", "whenever");
    await ann.mark("faulty", "problem");
    await ann.sees("Not while there are problems", "aside");
    await ann.page.locator('nav [data-pipeline="*"] button').click();
    await ann.page.locator("aside .part.bad button", { hasText: "faulty" }).first().click();
    await until("the caret is in the field", () => ann.field("schedule").evaluate((input) => input === document.activeElement));
    await ann.set("schedule", "");
    await ann.misses("problem", 'nav [data-pipeline="faulty"]');
  },
};
