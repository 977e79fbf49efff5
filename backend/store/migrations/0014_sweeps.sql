-- One row: when a sweep last said that it looks, and the beginning of the newest sweep that took all that was due. Its number
-- grows with each word, so that a word which comes again says nothing.
CREATE TABLE sweeps (
  name TEXT NOT NULL PRIMARY KEY CHECK (name = 'last'),
  number INTEGER NOT NULL,
  swept_at TEXT,
  taken_until TEXT
) WITHOUT ROWID;
INSERT INTO sweeps (name, number) VALUES ('last', 0);
