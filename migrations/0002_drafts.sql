-- Drafts: the documents of the configuration while people edit it, and which revision they became.
-- No value is larger than a Durable Object takes (2 MB): longer bytes are several pieces.

-- Open drafts, each with the document that it is at.
CREATE TABLE draft (
  team_id TEXT NOT NULL,
  name TEXT NOT NULL,
  epoch TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (team_id, name)
) STRICT;

-- Every document that a draft ever had. Ended ones stay, with all that is stored of them: they are the history.
-- `number` tells in which order they began. The document said revision `applied` at `applied_heads`. The log up to `snapshot_seq` is in the snapshot.
CREATE TABLE draft_epoch (
  number INTEGER PRIMARY KEY,
  team_id TEXT NOT NULL,
  epoch TEXT NOT NULL,
  draft TEXT NOT NULL,
  reason TEXT NOT NULL,
  began_by TEXT NOT NULL,
  began_at TEXT NOT NULL,
  ended_at TEXT,
  snapshot_seq INTEGER NOT NULL,
  applied INTEGER NOT NULL,
  applied_heads TEXT NOT NULL,
  UNIQUE (team_id, epoch)
) STRICT;
CREATE INDEX draft_epoch_of_draft ON draft_epoch (team_id, draft);

-- What a document was at `snapshot_seq`. Spans are one packed value, not rows: a document has tens of thousands
-- of them, they are only ever read and replaced all together.
CREATE TABLE draft_piece (
  team_id TEXT NOT NULL,
  epoch TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('snapshot', 'waiting', 'spans')),
  piece INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (team_id, epoch, kind, piece)
) STRICT;

-- The log: what was accepted after the snapshot, in order. Without rowid, an append writes one place, not two.
CREATE TABLE draft_update (
  team_id TEXT NOT NULL,
  epoch TEXT NOT NULL,
  seq INTEGER NOT NULL,
  piece INTEGER NOT NULL,
  data BLOB NOT NULL,
  author TEXT NOT NULL,
  token_id TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (team_id, epoch, seq, piece)
) STRICT, WITHOUT ROWID;

ALTER TABLE revision ADD COLUMN draft TEXT NOT NULL DEFAULT 'main';
ALTER TABLE revision ADD COLUMN epoch TEXT NOT NULL DEFAULT '';
ALTER TABLE revision ADD COLUMN heads TEXT NOT NULL DEFAULT '';
ALTER TABLE revision ADD COLUMN reverts INTEGER;
ALTER TABLE revision ADD COLUMN undone_by INTEGER;
CREATE INDEX revision_of_digest ON revision (team_id, digest, number);
-- A row of this table is as long as its manifest: whoever asks only for moments reads this instead.
CREATE INDEX revision_moment ON revision (team_id, number, applied_at);
