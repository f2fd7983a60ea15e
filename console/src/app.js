// The page once somebody signed in: which draft is open, what is selected, and who redraws what.

import { Draft } from "./draft.js";
import { Drafts } from "./drafts.js";
import { el } from "./dom.js";
import { Edits } from "./edits.js";
import { Form } from "./form.js";
import { Header } from "./header.js";
import { History } from "./history.js";
import { Marks } from "./marks.js";
import { Notices } from "./notices.js";
import { PipelineList } from "./pipelines.js";
import { Review } from "./review.js";
import { Reviewing } from "./reviewing.js";
import { Room } from "./room.js";
import { may, whoIs } from "./session.js";

const LOOK_MS = 15_000;
const AGAIN_MS = 1000;
const TOKEN_BAD = 4401;

export class App {
  constructor(session, page, signOut) {
    Object.assign(this, { session, page, selected: null, pending: new Set() });
    this._signOut = signOut;
    this.notices = new Notices();
    this.drafts = new Drafts(this);
    this.reviewing = new Reviewing(this);
    this.edits = new Edits(this);
    this.marks = new Marks(this);
    this.history = new History(this);
    this.parts = [new Header(this), new PipelineList(this), new Form(this), new Review(this)];
    this.form = this.parts[2];
  }

  get api() {
    return this.session.api;
  }

  // Others may change a role while the page is open: the room says what is true now.
  canEdit() {
    return may(this.session.role, "editor") && Boolean(this.room?.canWrite) && this.room.status !== "shut";
  }

  async start() {
    const [header, list, form, review] = this.parts;
    const main = el("main", {}, list.node, form.node, review.node);
    this.page.replaceChildren(header.node, this.notices.node, main, this.history.node);
    this._beforeUnload = (event) => {
      this.flush();
      if (this.room?.isRead && !this.isSaved()) event.preventDefault();
    };
    window.addEventListener("beforeunload", this._beforeUnload);
    this._look = setInterval(() => this.look(), LOOK_MS);
    this._onFocus = () => this.look();
    window.addEventListener("focus", this._onFocus);
    await this.drafts.load();
    this.open("main");
  }

  signOut(why = "") {
    this.flush();
    this.room?.leave();
    clearInterval(this._look);
    window.removeEventListener("beforeunload", this._beforeUnload);
    window.removeEventListener("focus", this._onFocus);
    this.isOver = true;
    this._signOut(why);
  }

  // Go into the room where a draft is edited now.
  open(name) {
    const known = this.drafts.named(name) ?? this.drafts.named("main");
    if (!known || (this.room && this.room.name === known.room)) return;
    this.flush();
    this.room?.leave();
    this.name = known.name;
    this.room = new Room({ name: known.room, session: this.session, on: this._listener() });
    this.draft?.close();
    this.draft = new Draft(this.room.doc);
    this.reviewing.forget();
    this.edits.forget();
    this.form.forget();
    this.refresh();
  }

  select(id) {
    this.flush();
    this.selected = id;
    this.room.presence.at({ pipeline: id ?? "", field: "" });
    this.refresh();
  }

  // Every change of the document that a person makes here goes through this.
  edit(act) {
    if (!this.canEdit()) return;
    try {
      act(this.draft);
    } catch (error) {
      this.notices.tell(`This edit is not possible: ${error.message ?? error}`);
    }
    this.changed();
  }

  // Write down what is typed and waits for a pause.
  flush() {
    for (const write of [...this.pending]) write();
  }

  isSaved() {
    return this.pending.size === 0 && Boolean(this.room?.isSaved());
  }

  changed() {
    this.form.renew();
    this.reviewing.soon();
    this.refresh();
  }

  // Ask what others did by other doors.
  async look() {
    if (this.isOver) return;
    await Promise.all([this.drafts.load(), this._lookAtRole()]);
    this.reviewing.soon(true);
  }

  // The server makes this tab join again once it looks at the token; whoever lost a role should not type until then.
  async _lookAtRole() {
    try {
      const { role } = await whoIs(this.api, this.session.token);
      this.session.role = role;
    } catch {
      // The next look may work; a token that is not good any more is noticed by the other question.
    }
  }

  refresh() {
    if (this._redraw || this.isOver) return;
    this._redraw = setTimeout(() => {
      this._redraw = undefined;
      if (this.isOver) return;
      this.marks.renew();
      for (const part of this.parts) part.refresh();
    });
  }

  _listener() {
    const mine = (act) => (...told) => this.room === room() && act(...told);
    const opened = {};
    const room = () => opened.room ?? this.room;
    queueMicrotask(() => (opened.room = this.room));
    return {
      change: mine(() => this.changed()),
      state: mine(() => {
        if (this.isSaved()) this.reviewing.soon();
        this.reviewing.heard(Math.max(0, ...this.room.presence.others().map(({ live }) => Number(live) || 0)));
        this.refresh();
      }),
      lost: mine(() => this._follow()),
      shut: mine((code, reason) => this._shut(code, reason)),
      refused: mine((reason) =>
        this.notices.tell(`The server did not take an edit (${reason}). Reload the page; what you did since is not saved.`),
      ),
    };
  }

  // The room is gone: the draft goes on in another one, or it was discarded.
  async _follow() {
    if (this._following || this.isOver) return;
    this._following = true;
    try {
      await this.drafts.load();
      const { room } = this;
      const now = this.drafts.named(this.name);
      if (now?.room === room.name || !this.drafts.items.length) return void setTimeout(() => this._enterAgain(room), AGAIN_MS);
      this._tellOfMove(now, room.stored.left());
      this.open(this.name);
    } finally {
      this._following = false;
    }
  }

  _enterAgain(room) {
    if (this.room === room && !this.isOver) room.again();
  }

  _tellOfMove(now, left) {
    const text = now ? `The draft ${this.name} goes on in a new document.` : `The draft ${this.name} was discarded.`;
    if (!left) return this.notices.tell(text);
    const kept = JSON.stringify(this.draft.tree(), null, 2);
    this.notices.tell(`${text} Some of your last edits had not arrived and are not in it.`, "Show what this page had", () =>
      this.history.show("What this page had", kept),
    );
  }

  _shut(code, reason) {
    if (code === TOKEN_BAD) return this.signOut("Your token is not good any more. Sign in with another one.");
    const { room } = this;
    const why = { 4429: "too many pages use this token", 4408: "the server was not answered in time" }[code] ?? reason;
    this.notices.tell(`The server closed the connection: ${why}.`, "Connect again", () => this._enterAgain(room));
    this.refresh();
  }
}
