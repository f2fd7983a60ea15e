// One person: signing in, looking only, and being shut out.

import { expect, until } from "./world.mjs";

export default {
  async "a wrong token is refused in plain words"(world) {
    const nobody = await world.visitor();
    await nobody.signIn("hak_000000000000_wrong");
    await nobody.sees("This token is not known here", ".signin");
    await nobody.signIn("no token at all ü");
    await nobody.sees("This token is not known here", ".signin");
    await nobody.signIn(world.tokens.ann);
    await nobody.state("saved");
    await nobody.sees("ann editor", "header");
    await nobody.page.reload();
    await nobody.state("saved");
  },

  async "a viewer sees everything and changes nothing"(world) {
    const [[ann], vic] = await Promise.all([world.pair(), world.person("vic")]);
    await ann.addGood("watched");
    await ann.set("schedule", "every 30m");
    await vic.choose("watched");
    await vic.reads("schedule", "every 30m");
    await vic.sees("You may look at everything here", ".form");
    const inputs = vic.page.locator(".form input:visible, .form select:visible, .form textarea:visible");
    expect("there is something to look at", (await inputs.count()) > 5);
    for (const input of await inputs.all()) expect("it cannot be edited", await input.isDisabled());
    expect("nothing can be added", !(await vic.page.getByLabel("New pipeline").isVisible()));
    expect("nor removed", !(await vic.button("Remove pipeline").isVisible()));
    await vic.sees("To apply takes the role editor", "aside");
    expect("nor applied", await vic.page.locator("#apply").isDisabled());
    await ann.sees("vic", "header .people");
  },

  async "an editor who becomes a viewer goes on reading"(world) {
    const { token, member } = await world.ask("token");
    const [[ann], somebody] = [await world.pair(), await world.person(token)];
    await ann.addGood("demoted");
    await somebody.choose("demoted");
    await until("it can be edited", () => somebody.field("schedule").isEnabled());
    await world.ask("demote", { member });
    // A tab that is looked at again asks whether its role is still what it was; else it does so every 15 s.
    await somebody.page.evaluate(() => window.dispatchEvent(new Event("focus")));
    await somebody.sees("You may look at everything here", ".form");
    await until("it cannot any more", () => somebody.field("schedule").isDisabled());
    await ann.set("schedule", "every 19m");
    await somebody.reads("schedule", "every 19m");
  },

  async "a token that is revoked ends the session"(world) {
    const { token, id } = await world.ask("token");
    const somebody = await world.person(token);
    await world.ask("revoke", { token_id: id });
    await somebody.sees("Your token is not good any more", ".signin");
    const kept = await somebody.page.evaluate(() => sessionStorage.length);
    expect("nothing of it is kept", kept === 0);
    await until("the page asks for another one", () => somebody.page.getByLabel("Your token").isVisible());
  },
};
