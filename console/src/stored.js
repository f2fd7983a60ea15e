// Which of this tab's edits the server has on disk.

import { decodeImportBlobMeta, VersionVector } from "loro-crdt";

export class Stored {
  constructor(doc) {
    this.doc = doc;
    this.peer = doc.peerIdStr;
    this.count = 0;
    this._refused = new WeakSet();
  }

  // What the server had when this tab joined.
  said(version) {
    if (version.length) this._raise(VersionVector.decode(version));
  }

  // Updates that were answered. True unless they were refused.
  acknowledged(updates) {
    if (this._refused.has(updates)) return false;
    for (const update of updates) this._raise(decodeImportBlobMeta(update, false).partialEndVersionVector);
    return true;
  }

  refused(updates) {
    this._refused.add(updates);
  }

  isAll() {
    return this.count >= this._counter(this.doc.oplogVersion());
  }

  // How many operations of this tab would be lost with it.
  left() {
    return Math.max(0, this._counter(this.doc.oplogVersion()) - this.count);
  }

  _raise(version) {
    this.count = Math.max(this.count, this._counter(version));
  }

  _counter(version) {
    return version.toJSON().get(this.peer) ?? 0;
  }
}
