// The golden frames, read and written by the stock library: what Python says of the wire is what its clients mean.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { bytesToHex, decode, encode, hexToBytes, MessageType } from "loro-protocol";

const vectors = JSON.parse(readFileSync(new URL("../vectors/frames.json", import.meta.url), "utf8"));

const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (data) => Buffer.from(data ?? []).toString("hex");
const batch = (id) => bytesToHex(bytes(id));

const TYPES = {
  Join: "JoinRequest",
  JoinOk: "JoinResponseOk",
  JoinError: "JoinError",
  DocUpdate: "DocUpdate",
  FragmentHeader: "DocUpdateFragmentHeader",
  Fragment: "DocUpdateFragment",
  RoomError: "RoomError",
  Leave: "Leave",
  Ack: "Ack",
};

// From our names to the library's.
const TO_STOCK = {
  Join: (f) => ({ auth: bytes(f.auth), version: bytes(f.version) }),
  JoinOk: (f) => ({ permission: f.writes ? "write" : "read", version: bytes(f.version), extra: bytes(f.extra) }),
  JoinError: (f) => ({
    code: f.fault,
    message: f.message,
    receiverVersion: f.version ? bytes(f.version) : undefined,
    appCode: f.app_code || undefined,
  }),
  DocUpdate: (f) => ({ batchId: batch(f.batch), updates: f.updates.map(bytes) }),
  FragmentHeader: (f) => ({ batchId: batch(f.batch), fragmentCount: f.count, totalSizeBytes: f.size }),
  Fragment: (f) => ({ batchId: batch(f.batch), index: f.index, fragment: bytes(f.data) }),
  RoomError: (f) => ({ code: f.fault, message: f.message }),
  Leave: () => ({}),
  Ack: (f) => ({ refId: batch(f.batch), status: f.status }),
};

// And back.
const FROM_STOCK = {
  Join: (m) => ({ auth: hex(m.auth), version: hex(m.version) }),
  JoinOk: (m) => ({ writes: m.permission === "write", version: hex(m.version), extra: hex(m.extra) }),
  JoinError: (m) => ({
    fault: m.code,
    message: m.message,
    version: hex(m.receiverVersion),
    app_code: m.appCode ?? "",
  }),
  DocUpdate: (m) => ({ batch: hex(hexToBytes(m.batchId)), updates: m.updates.map(hex) }),
  FragmentHeader: (m) => ({ batch: hex(hexToBytes(m.batchId)), count: m.fragmentCount, size: m.totalSizeBytes }),
  Fragment: (m) => ({ batch: hex(hexToBytes(m.batchId)), index: m.index, data: hex(m.fragment) }),
  RoomError: (m) => ({ fault: m.code, message: m.message }),
  Leave: () => ({}),
  Ack: (m) => ({ batch: hex(hexToBytes(m.refId)), status: m.status }),
};

function written({ type, room, ...fields }) {
  const message = { type: MessageType[TYPES[type]], crdt: room.kind, roomId: room.name, ...TO_STOCK[type](fields) };
  return hex(encode(message));
}

function read(data) {
  const message = decode(bytes(data));
  const [type] = Object.entries(TYPES).find(([, name]) => MessageType[name] === message.type);
  return { type, room: { kind: message.crdt, name: message.roomId }, ...FROM_STOCK[type](message) };
}

for (const { name, hex, frame } of vectors.frames) {
  test(`written: ${name}`, () => assert.equal(written(frame), hex));
  test(`read: ${name}`, () => assert.deepEqual(read(hex), frame));
}
for (const { name, hex, frame } of vectors.read) {
  test(`only read: ${name}`, () => assert.deepEqual(read(hex), frame));
}
for (const { name, hex, stock_refuses } of vectors.bad) {
  const outcome = stock_refuses ? assert.throws : assert.doesNotThrow;
  test(`bad: ${name}`, () => outcome(() => decode(bytes(hex))));
}
for (const { name, hex, answer } of vectors.unsupported) {
  test(`unsupported: ${name}`, () => {
    const [asked, answered] = [read(hex), read(answer)];
    assert.equal(asked.type, "Join");
    assert.equal(answered.type, "JoinError");
    assert.deepEqual(answered.room, asked.room);
    assert.equal(answered.app_code, "unsupported_crdt");
  });
}
