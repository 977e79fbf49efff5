-- Instants that decide come from the database's clock. A draft is known by its touch and version, a send by its provider, and
-- every listing has an index.

-- A sweep may take a thread from claimable on: when it is due, and while somebody holds it, when that lease ends.
DROP INDEX threads_due;
ALTER TABLE threads ADD COLUMN draft_version INTEGER;
UPDATE threads SET draft_version = (SELECT version FROM drafts WHERE drafts.draft_id = threads.draft_id);
ALTER TABLE threads DROP COLUMN draft_id;
-- The fence of the last run that committed, so that a commit sent again knows itself.
ALTER TABLE threads ADD COLUMN done_fence INTEGER NOT NULL DEFAULT 0;
CREATE INDEX threads_claimable ON threads (max(next_touch_at, COALESCE(lease_until_at, ''))) WHERE next_touch_at IS NOT NULL;
CREATE INDEX threads_parked ON threads (thread_id) WHERE status = 'parked';

CREATE INDEX contacts_of_address ON contacts (address_sha256);

-- One row a version. Recipient and sender are part of what is approved. Texts are long, so the table has row ids: SQLite keeps
-- a quarter of a page of a row in a table without. approved_subject and approved_body are set where the text was edited.
CREATE TABLE drafts_by_touch (
  thread_id TEXT NOT NULL,
  step INTEGER NOT NULL,
  version INTEGER NOT NULL,
  campaign_id TEXT NOT NULL,
  interrupt_id TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'decided', 'withdrawn')),
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  provenance TEXT NOT NULL,
  graph_meta TEXT NOT NULL,
  recipient_name TEXT NOT NULL,
  recipient_address TEXT NOT NULL,
  sender_name TEXT NOT NULL,
  sender_address TEXT NOT NULL,
  created_at TEXT NOT NULL,
  decision TEXT,
  decision_key TEXT,
  decided_by TEXT,
  decided_at TEXT,
  accepts_default INTEGER NOT NULL DEFAULT 0,
  approved_subject TEXT,
  approved_body TEXT,
  feedback TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (thread_id, step, version)
);
INSERT INTO drafts_by_touch (
  thread_id, step, version, campaign_id, interrupt_id, status, subject, body, provenance, graph_meta, recipient_name,
  recipient_address, sender_name, sender_address, created_at, decision, decision_key, decided_by, decided_at, approved_subject,
  approved_body, feedback, reason
)
SELECT d.thread_id, d.step, d.version, t.campaign_id, d.draft_id, d.status, d.subject, d.body, d.provenance, d.graph_meta,
  c.name, c.address, g.sender_name, g.sender_address, d.created_at, d.decision, d.decision_key, d.decided_by, d.decided_at,
  nullif(d.approved_subject, d.subject), nullif(d.approved_body, d.body), d.feedback, d.reason
FROM drafts AS d JOIN threads AS t ON t.thread_id = d.thread_id JOIN contacts AS c ON c.contact_id = t.contact_id
JOIN campaigns AS g ON g.campaign_id = t.campaign_id;
UPDATE drafts_by_touch SET approved_subject = COALESCE(approved_subject, subject), approved_body = COALESCE(approved_body, body)
WHERE approved_subject IS NOT NULL OR approved_body IS NOT NULL;

-- The envelope is the frozen email without its text, which is the draft's; text_sha256 proves which text that was.
CREATE TABLE sends (
  thread_id TEXT NOT NULL,
  step INTEGER NOT NULL,
  version INTEGER NOT NULL,
  contact_id TEXT NOT NULL,
  attempt_id TEXT NOT NULL,
  provider TEXT NOT NULL,
  sender_address TEXT NOT NULL,
  message_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('reserved', 'sent', 'failed', 'unknown', 'not_delivered')),
  envelope TEXT NOT NULL,
  text_sha256 TEXT NOT NULL,
  reserved_at TEXT NOT NULL,
  settled_at TEXT,
  provider_id TEXT NOT NULL DEFAULT '',
  error TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (thread_id, step)
) WITHOUT ROWID;
INSERT INTO sends (
  thread_id, step, version, contact_id, attempt_id, provider, sender_address, message_id, state, envelope, text_sha256,
  reserved_at, settled_at, provider_id, error
)
SELECT s.thread_id, s.step, d.version, s.contact_id, s.attempt_id, '', s.email ->> 'sender_address', s.email ->> 'message_id',
  s.state, json_remove(s.email, '$.subject', '$.body'), '', s.reserved_at, s.settled_at, s.provider_id, s.error
FROM send_ledger AS s JOIN drafts AS d ON d.draft_id = s.draft_id;

DROP TABLE send_ledger;
DROP TABLE drafts;
ALTER TABLE sends RENAME TO send_ledger;
ALTER TABLE drafts_by_touch RENAME TO drafts;
CREATE INDEX drafts_pending ON drafts (created_at, thread_id) WHERE status = 'pending';
CREATE INDEX drafts_pending_of_campaign ON drafts (campaign_id, created_at, thread_id) WHERE status = 'pending';
CREATE INDEX sends_to_contact ON send_ledger (contact_id, reserved_at);
CREATE INDEX sends_of_message ON send_ledger (message_id);
CREATE INDEX sends_of_mailbox ON send_ledger (sender_address, reserved_at);

-- Append-only: what people did, and how threads ended or failed. An id is used once, so what was done once is known by it.
CREATE TABLE audit_by_thread (
  thread_id TEXT NOT NULL,
  audit_id TEXT NOT NULL,
  at TEXT NOT NULL,
  principal TEXT NOT NULL,
  action TEXT NOT NULL,
  step INTEGER,
  version INTEGER,
  detail TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (thread_id, audit_id)
) WITHOUT ROWID;
INSERT INTO audit_by_thread (thread_id, audit_id, at, principal, action, step, version, detail)
SELECT thread_id, audit_id, at, principal, action, NULL, version, detail FROM audit;
DROP TABLE audit;
ALTER TABLE audit_by_thread RENAME TO audit;

DROP TABLE guards;
CREATE TABLE guards (lease_held INTEGER CONSTRAINT lease_held CHECK (lease_held = 1));
