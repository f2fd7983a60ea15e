// What a check of the page is given: people, each with a browser of their own, and what their browsers noticed.

import { chromium } from "playwright-core";

const PATIENCE_MS = 15_000;
const STEP_MS = 20;
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Wait for something to become true. Throws with what was awaited.
export async function until(what, holds) {
  let last;
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await pause(STEP_MS)) {
    last = await holds();
    if (last) return last;
  }
  throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
}

export function expect(what, holds) {
  if (!holds) throw new Error(`not so: ${what}`);
}

export class World {
  static async open({ origin, tokens, browser, ask }) {
    const world = new World();
    Object.assign(world, { origin, tokens, people: [], requests: new Set(), faults: [] });
    world.ask = async (what, details) => {
      const answer = await ask(what, details);
      if (answer.fault) throw new Error(answer.fault);
      return answer;
    };
    world.browser = await chromium.launch({ executablePath: browser, args: FLAGS, headless: true });
    return world;
  }

  // Somebody's browser at the page, not signed in.
  async visitor(options = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const person = new Person(this, context, page);
    this.people.push(person);
    page.on("request", (request) => this.requests.add(request.url()));
    page.on("websocket", (socket) => this.requests.add(socket.url()));
    page.on("pageerror", (fault) => this.faults.push(String(fault.stack ?? fault)));
    page.on("console", (line) => this._heard(line));
    await page.goto(this.origin);
    return person;
  }

  // Somebody who signed in and sees the draft.
  async person(name, options = {}) {
    const person = await this.visitor(options);
    person.name = name;
    await person.signIn(this.tokens[name] ?? name);
    await person.saved();
    return person;
  }

  // Ann and Bea, who stay from one check to the next.
  async pair() {
    return Promise.all(["ann", "bea"].map((name) => this.people.find((one) => one.stays === name) ?? this._stay(name)));
  }

  async _stay(name) {
    const person = await this.person(name);
    person.stays = name;
    return person;
  }

  // After a check that went wrong nobody stays.
  async leave(isGood = false) {
    const going = this.people.filter(({ stays }) => !isGood || !stays);
    this.people = this.people.filter((person) => !going.includes(person));
    await Promise.all(going.map(({ context }) => context.close()));
  }

  async close() {
    await this.browser.close();
  }

  async describe() {
    return Promise.all(
      this.people.map(async ({ name, page }) => {
        const text = await page.evaluate(() => document.body.innerText).catch(() => "(gone)");
        return `--- ${name}\n${text}`;
      }),
    );
  }

  _heard(line) {
    const text = line.text();
    if (/Content Security Policy|Refused to/i.test(text)) this.faults.push(text);
  }
}

export class Person {
  constructor(world, context, page) {
    Object.assign(this, { world, context, page, name: "" });
  }

  async signIn(token) {
    await this.page.getByLabel("Your token").fill(token);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }

  // Everything that was edited here is on the server's disk.
  async saved() {
    await this.state("saved");
  }

  async state(word) {
    await until(`${this.name} reads ${word}`, async () => (await this.text(".state")).startsWith(word));
  }

  async text(selector) {
    return (await this.page.locator(selector).first().textContent()) ?? "";
  }

  async add(id) {
    await this.page.getByLabel("New pipeline").fill(id);
    await this.page.getByLabel("New pipeline").press("Enter");
    await this.page.getByRole("heading", { name: id, exact: true }).waitFor();
  }

  async choose(id) {
    await this.page.locator(`nav [data-pipeline="${id}"] button`).click();
    await this.page.getByRole("heading", { name: id, exact: true }).waitFor();
  }

  // A pipeline that may be applied.
  async addGood(id, tables = ["rows"]) {
    await this.add(id);
    for (const name of tables) await this.addTable(name);
    await this.saved();
  }

  async addTable(name) {
    await this.page.getByLabel("Name of a new table").fill(name);
    await this.page.getByLabel("Name of a new table").press("Enter");
  }

  field(name) {
    return this.page.locator(`[data-field="${name}"]`);
  }

  async set(name, text) {
    await this.field(name).fill(text);
    await this.field(name).press("Enter");
  }

  async reads(name, text) {
    await until(`${this.name} reads ${text} in ${name}`, async () => (await this.field(name).inputValue()) === text);
  }

  button(name, options = {}) {
    return this.page.getByRole("button", { name, exact: true, ...options });
  }

  // Text somewhere in a part of the page.
  async sees(text, selector = "body") {
    const part = this.page.locator(selector).first();
    await until(`${this.name} sees ${text} in ${selector}`, async () => (await part.innerText()).includes(text));
  }

  async misses(text, selector = "body") {
    const part = this.page.locator(selector).first();
    await until(`${this.name} does not see ${text}`, async () => !(await part.innerText()).includes(text));
  }

  async mark(id, word) {
    await this.sees(word, `nav [data-pipeline="${id}"]`);
  }

  async offline() {
    await this.context.setOffline(true);
    await this.state("offline");
  }

  async online() {
    await this.context.setOffline(false);
    await this.saved();
  }

  // Apply what is shown now.
  async apply() {
    await this.hold();
    await this.page.locator("#apply-now").click();
    await this.sees("is live", ".result");
  }

  // What is shown stays as it is, ready to be applied.
  async hold() {
    await until("the review is up to date", async () => (await this.page.locator("aside > p").textContent()) === "");
    await this.page.locator("#apply").click();
  }
}
