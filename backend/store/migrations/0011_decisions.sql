-- A person meant what the gate finds wrong with the text they approved, so a link of it is not asked about again at the send.
ALTER TABLE drafts ADD COLUMN override INTEGER NOT NULL DEFAULT 0;

-- One row a request that decided under an idempotency key, of one principal. The answer is written with the run it is about.
CREATE TABLE decision_keys (
  key_sha256 TEXT NOT NULL PRIMARY KEY,
  request_sha256 TEXT NOT NULL,
  owner TEXT NOT NULL,
  made_at TEXT NOT NULL,
  answer TEXT
) WITHOUT ROWID;
