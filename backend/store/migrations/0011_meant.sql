-- A person meant what the gate finds wrong with the text they approved, so a link of it is not asked about again at the send.
ALTER TABLE drafts ADD COLUMN override INTEGER NOT NULL DEFAULT 0;
