-- The newest checkpoint of a thread is the one put last. Ids come from the hosts' clocks, which differ: where a checkpoint was put
-- with a lower id than others have, those others name it as their heir.
ALTER TABLE checkpoints ADD COLUMN heir_id TEXT;
