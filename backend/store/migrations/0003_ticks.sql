-- One row a firing of a cron trigger. It is forwarded until the service accepts it once; accepted_at says when that was.
CREATE TABLE ticks (
  cron TEXT NOT NULL,
  scheduled_at TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  accepted_at TEXT,
  error TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (cron, scheduled_at)
) WITHOUT ROWID;
