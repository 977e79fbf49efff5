-- One row a request that decided under an idempotency key, of one principal. The answer is written with the run it is about.
CREATE TABLE decision_keys (
  key_sha256 TEXT NOT NULL PRIMARY KEY,
  request_sha256 TEXT NOT NULL,
  owner TEXT NOT NULL,
  made_at TEXT NOT NULL,
  answer TEXT
) WITHOUT ROWID;
