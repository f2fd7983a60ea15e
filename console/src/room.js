// The room of one draft: its document, who else is there, and what is known to be stored.

import { LoroAdaptor, LoroEphemeralAdaptor } from "loro-adaptors/loro";
import { LoroDoc } from "loro-crdt";
import { LoroWebsocketClient } from "loro-websocket";
import { Lifeline } from "./lifeline.js";
import { Presence } from "./presence.js";
import { Stored } from "./stored.js";

const REJOIN = 1;

// An answer for a viewer, or for edits that overtook a join: the join that follows brings them again.
const DENIED = 3;

const SYNC = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/sync`;

// The stock client, whose attempts to connect may fail without anybody waiting for them.
class Client extends LoroWebsocketClient {
  connect(options) {
    const attempt = super.connect(options);
    attempt.catch(() => {});
    return attempt;
  }
}

// `on` has: change(), state(), lost(), shut(code, reason), refused(reason).
export class Room {
  constructor({ name, session, on }) {
    Object.assign(this, { name, session, on });
    this.doc = new LoroDoc();
    this.adaptor = new LoroAdaptor(this.doc, { onUpdateError: (...refusal) => this._refused(...refusal) });
    this.stored = new Stored(this.doc);
    this.status = "connecting";
    this.isRead = false;
    this.canWrite = false;
    this.presence = new Presence(session.name, () => this.on.state());
    this.client = new Client({ url: SYNC, onError: () => {}, reconnect: { initialDelayMs: 300, maxDelayMs: 5000 } });
    this.lifeline = new Lifeline();
    this._watch();
    this._join();
  }

  // In words, with how worried to be: is everything that was edited here on the server's disk?
  state() {
    if (this.status === "shut") return { word: "closed", mood: "bad" };
    if (!this.isRead) return { word: this.status === "offline" ? "offline" : "connecting…", mood: "wait" };
    if (!navigator.onLine) return { word: "offline, your edits are kept here", mood: "bad" };
    if (this.status !== "joined") return { word: "reconnecting, your edits are kept here", mood: "bad" };
    return this.isSaved() ? { word: "saved", mood: "good" } : { word: "saving…", mood: "wait" };
  }

  isSaved() {
    return this.status === "joined" && this.stored.isAll();
  }

  leave() {
    this.hasLeft = true;
    this.presence.leave();
    this.lifeline.end();
    this.client.destroy();
    this.adaptor.destroy();
    window.removeEventListener("online", this._tell);
    window.removeEventListener("offline", this._tell);
  }

  // Connect again after the server shut the door.
  async again() {
    this.status = "connecting";
    this._tell();
    await this.client.connect({ resetBackoff: true }).catch(() => {});
    if (this.hasLeft || this.client.activeRooms.has(`%LOR${this.name}`)) return;
    // To join again with the same adaptor would send every edit twice.
    this.adaptor.localUpdateUnsubscribe?.();
    this._join();
  }

  async _join() {
    const auth = () => Promise.resolve(new TextEncoder().encode(this.session.token));
    const roomId = this.name;
    const onStatusChange = (status) => this._changed(status);
    try {
      const joined = await this.client.join({ roomId, crdtAdaptor: this.adaptor, auth, onStatusChange });
      this._watchRoom(joined);
      const crdtAdaptor = new LoroEphemeralAdaptor(this.presence.store);
      await this.client.join({ roomId, crdtAdaptor, auth });
      this.presence.enter();
      await joined.waitForReachingServerVersion();
      this.isRead = true;
      this.on.change();
      this._tell();
    } catch {
      if (!this.hasLeft && this.status !== "shut") this.on.lost();
    }
  }

  _watch() {
    this._tell = () => this.hasLeft || this.on.state();
    window.addEventListener("online", this._tell);
    window.addEventListener("offline", this._tell);
    this.doc.subscribe(() => this.hasLeft || this.on.change());
    this.doc.subscribeLocalUpdates(() => queueMicrotask(this._tell));
    this.client.onStatusChange((status) => {
      if (status === "connected") this._watchSocket(this.client.socket);
      if (status === "disconnected" && this.status !== "shut") this.status = "offline";
      this._tell();
    });
    // The client says neither what was acknowledged nor what a join answered.
    const consume = this.client.consumeSentBatch.bind(this.client);
    this.client.consumeSentBatch = (batch) => {
      const sent = consume(batch);
      // A refusal is told right after this, with the same updates.
      if (sent?.roomKey.startsWith("%LOR")) queueMicrotask(() => this.stored.acknowledged(sent.updates) && this._tell());
      return sent;
    };
    const welcome = this.adaptor.handleJoinOk.bind(this.adaptor);
    this.adaptor.handleJoinOk = (answer) => {
      this.canWrite = answer.permission === "write";
      this.stored.said(answer.version);
      return welcome(answer);
    };
  }

  // The client forgets who listens before it tells them that the room is gone.
  _watchRoom(joined) {
    const handle = joined.handleRoomError.bind(joined);
    joined.handleRoomError = (error) => {
      handle(error);
      if (error.code !== REJOIN && !this.hasLeft) this.on.lost();
    };
  }

  _watchSocket(socket) {
    this.lifeline.holds(socket);
    socket.addEventListener("close", ({ code, reason }) => {
      if (this.hasLeft || code < 4400 || code > 4499) return;
      this.status = "shut";
      this.on.shut(code, reason);
    });
  }

  _changed(status) {
    if (this.hasLeft || this.status === "shut") return;
    if (status === "error") this.on.lost();
    this.status = status === "disconnected" ? "offline" : status;
    this._tell();
  }

  _refused(updates, status, reason) {
    this.stored.refused(updates);
    if (status !== DENIED) this.on.refused(reason);
    this._tell();
  }
}
