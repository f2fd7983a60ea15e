// Others may write anything into a document. It is shown as text, and the page never leaves its origin.

import { World as Stock } from "../stock/world.mjs";
import { expect, until } from "./world.mjs";

const MARKUP = '<img src=x onerror="document.title=1"><script>document.title=2</script>';

export default {
  async "names and notes with markup are shown as text"(world) {
    const url = `${world.origin.replace("http", "ws")}/api/v1/sync`;
    const { room } = await world.ask("draft");
    const stock = new Stock({ url, tokens: { editor: world.tokens.mallory }, room, ask: world.ask });
    const mallory = await stock.member();
    const bad = mallory.pipeline(MARKUP);
    bad.ensureMergeableText("notes").insert(0, MARKUP);
    bad.ensureMergeableMap("tables").ensureMergeableMap(MARKUP).set(MARKUP, MARKUP);
    bad.ensureMergeableMap("source").ensureMergeableMap("config").set(MARKUP, MARKUP);
    bad.set("schedule", { [MARKUP]: [MARKUP] });
    bad.set(MARKUP, MARKUP);
    mallory.doc.commit();
    const presence = await mallory.appear();
    presence.set("mallory/tab", { pipeline: MARKUP, field: MARKUP, colour: MARKUP, live: MARKUP });
    await until("it is stored", () => mallory.acks > 0);
    const ann = await world.person("ann");
    await ann.sees(MARKUP, "nav");
    await ann.page.locator("nav li button", { hasText: "onerror" }).click();
    await ann.page.getByRole("heading", { name: MARKUP, exact: true }).waitFor();
    await ann.reads("notes", MARKUP);
    await ann.sees(MARKUP, ".form .tables");
    await ann.sees("mallory", "header .people");
    await ann.sees("onerror", "aside");
    expect("nothing of it ran", (await ann.page.title()) === "Configuration · hakiri");
    expect("and nothing became an element", (await ann.page.locator("#page img, #page script").count()) === 0);
    mallory.doc.getMap("pipelines").delete(MARKUP);
    mallory.doc.commit();
    await until("it is gone again", async () => !(await ann.page.locator("nav").innerText()).includes("onerror"));
    stock.leave();
  },

  keeping: {
    async "the page keeps to its origin and its policy"(world) {
      const allowed = [`${world.origin}/`, `${world.origin.replace("http", "ws")}/`, "data:"];
      const foreign = [...world.requests].filter((url) => !allowed.some((start) => url.startsWith(start)));
      expect(`no request leaves the origin: ${foreign}`, foreign.length === 0);
      expect("requests were seen at all", world.requests.size > 5);
      expect(`no policy was violated and no error left: ${world.faults.join("\n")}`, world.faults.length === 0);
      const ann = await world.person("ann");
      const before = world.faults.length;
      await ann.page.evaluate(() => {
        const script = document.createElement("script");
        script.textContent = "document.title = 3";
        document.body.append(script);
      });
      await until("a script of a stranger is refused", () => world.faults.length > before);
      expect("it did not run", (await ann.page.title()) !== "3");
    },
  },
};
