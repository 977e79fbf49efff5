-- Sends whose outcome nobody knows are few, and are listed; the index holds them alone, so no other send costs a row more.
CREATE INDEX sends_unknown ON send_ledger (thread_id, step) WHERE state = 'unknown';
