-- One row a scope that was ever paused: 'everything', 'mailbox:ADDRESS', 'campaign:ID' or 'thread:CAMPAIGN:CONTACT'. The revision counts
-- what was said of it, so that a word that comes again, or late, changes nothing.
CREATE TABLE stops (
  stop_id TEXT NOT NULL PRIMARY KEY,
  is_paused INTEGER NOT NULL CHECK (is_paused IN (0, 1)),
  said_by TEXT NOT NULL,
  said_at TEXT NOT NULL,
  why TEXT NOT NULL,
  revision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX stops_in_force ON stops (stop_id) WHERE is_paused = 1;

-- A thread that is set aside was due then; colleagues_seen is how many replies of colleagues a person let it go on after.
ALTER TABLE threads ADD COLUMN waiting_due_at TEXT;
ALTER TABLE threads ADD COLUMN colleagues_seen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE campaigns ADD COLUMN on_colleague_reply TEXT;
CREATE INDEX contacts_replied ON contacts (company_id) WHERE replied = 1 AND company_id IS NOT NULL;
