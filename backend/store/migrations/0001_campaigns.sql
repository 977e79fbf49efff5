-- The nouns of a campaign. Instants are UTC text of one width; booleans are 0 or 1; WITHOUT ROWID writes one row an insert.

CREATE TABLE companies (
  company_id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  domain TEXT
) WITHOUT ROWID;

CREATE TABLE company_facts (
  company_id TEXT NOT NULL,
  field TEXT NOT NULL,
  source TEXT NOT NULL,
  value TEXT NOT NULL,
  confidence REAL NOT NULL,
  observed_at TEXT NOT NULL,
  PRIMARY KEY (company_id, field, source)
) WITHOUT ROWID;

CREATE TABLE contacts (
  contact_id TEXT NOT NULL PRIMARY KEY,
  company_id TEXT,
  address TEXT NOT NULL,
  address_sha256 TEXT NOT NULL,
  name TEXT NOT NULL,
  title TEXT NOT NULL,
  time_zone TEXT,
  do_not_contact INTEGER NOT NULL DEFAULT 0,
  bounced INTEGER NOT NULL DEFAULT 0,
  unsubscribed INTEGER NOT NULL DEFAULT 0,
  replied INTEGER NOT NULL DEFAULT 0,
  updated_at TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE suppressions (
  address_sha256 TEXT NOT NULL PRIMARY KEY,
  reason TEXT NOT NULL,
  created_at TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE memories (
  contact_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (contact_id, kind, text)
) WITHOUT ROWID;

CREATE TABLE campaigns (
  campaign_id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  offer TEXT NOT NULL,
  sender_name TEXT NOT NULL,
  sender_address TEXT NOT NULL,
  allowed_links TEXT NOT NULL,
  created_at TEXT NOT NULL
) WITHOUT ROWID;

-- A thread waits for a sweep exactly while next_touch_at is set, so the sweep reads only what is due.
CREATE TABLE threads (
  thread_id TEXT NOT NULL PRIMARY KEY,
  campaign_id TEXT NOT NULL,
  contact_id TEXT NOT NULL,
  status TEXT NOT NULL,
  status_reason TEXT NOT NULL DEFAULT '',
  step INTEGER NOT NULL DEFAULT 0,
  enrolled_at TEXT NOT NULL,
  next_touch_at TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  draft_id TEXT,
  lease_owner TEXT,
  lease_until_at TEXT,
  fence INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE INDEX threads_due ON threads (next_touch_at) WHERE next_touch_at IS NOT NULL;
CREATE INDEX threads_of_contact ON threads (contact_id);

-- One row a version; draft_id is the id of the interrupt its thread waits with.
CREATE TABLE drafts (
  draft_id TEXT NOT NULL PRIMARY KEY,
  thread_id TEXT NOT NULL,
  step INTEGER NOT NULL,
  version INTEGER NOT NULL,
  status TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  provenance TEXT NOT NULL,
  graph_meta TEXT NOT NULL,
  created_at TEXT NOT NULL,
  decision TEXT,
  decision_key TEXT,
  decided_by TEXT,
  decided_at TEXT,
  approved_subject TEXT,
  approved_body TEXT,
  feedback TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;

CREATE UNIQUE INDEX drafts_of_thread ON drafts (thread_id, step, version);
CREATE INDEX drafts_pending ON drafts (created_at) WHERE status = 'pending';

-- One row a send, unique on the touch: nothing leaves without one.
CREATE TABLE send_ledger (
  thread_id TEXT NOT NULL,
  step INTEGER NOT NULL,
  contact_id TEXT NOT NULL,
  draft_id TEXT NOT NULL,
  attempt_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('reserved', 'sent', 'failed', 'unknown')),
  email TEXT NOT NULL,
  reserved_at TEXT NOT NULL,
  settled_at TEXT,
  provider_id TEXT NOT NULL DEFAULT '',
  error TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (thread_id, step)
) WITHOUT ROWID;

CREATE INDEX sends_to_contact ON send_ledger (contact_id, reserved_at);

-- Append-only. A run's commit writes its row with its own id, so a batch sent twice knows itself.
CREATE TABLE audit (
  audit_id TEXT NOT NULL PRIMARY KEY,
  thread_id TEXT NOT NULL,
  at TEXT NOT NULL,
  principal TEXT NOT NULL,
  action TEXT NOT NULL,
  draft_id TEXT,
  version INTEGER,
  detail TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;

CREATE INDEX audit_of_thread ON audit (thread_id, at);

-- Never holds a row: inserting one fails and rolls the batch back. D1 takes no triggers.
CREATE TABLE guards (
  lease_held INTEGER CONSTRAINT lease_held CHECK (lease_held = 1),
  checkpoint_is_newest INTEGER CONSTRAINT checkpoint_is_newest CHECK (checkpoint_is_newest = 1)
);

CREATE TABLE flags (
  name TEXT NOT NULL PRIMARY KEY,
  value INTEGER NOT NULL CHECK (value IN (0, 1)),
  set_by TEXT NOT NULL,
  set_at TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE tokens (
  token_sha256 TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  revoked_at TEXT
) WITHOUT ROWID;
