-- Append-only: one row a decision of the release gate, known by the attempt it was.
CREATE TABLE gate_decisions (
  flag TEXT NOT NULL,
  commit_sha TEXT NOT NULL,
  dataset_sha256 TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  evidence_sha256 TEXT NOT NULL,
  decision TEXT NOT NULL CHECK (decision IN ('PROMOTE', 'HOLD', 'ROLLBACK')),
  policy_sha256 TEXT NOT NULL,
  author TEXT NOT NULL,
  decided_at TEXT NOT NULL,
  recorded_by TEXT NOT NULL,
  recorded_at TEXT NOT NULL,
  PRIMARY KEY (flag, commit_sha, dataset_sha256, attempt)
) WITHOUT ROWID;
CREATE INDEX gate_decisions_of_commit ON gate_decisions (flag, commit_sha, decided_at);

-- Counts the flips of a flag, so that a flip that comes again, or late, changes nothing.
ALTER TABLE flags ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
