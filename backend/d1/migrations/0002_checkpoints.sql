-- The checkpointer's tables (specs/D1-checkpointer.md). Every body is compressed, sealed and base64; refs is a JSON array of blob_ids.

CREATE TABLE checkpoints (
  thread_id TEXT NOT NULL,
  checkpoint_ns TEXT NOT NULL,
  checkpoint_id TEXT NOT NULL,
  parent_id TEXT,
  run_id TEXT,
  tags TEXT NOT NULL,
  channels TEXT NOT NULL,
  refs TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)
) WITHOUT ROWID;

CREATE INDEX checkpoints_of_run ON checkpoints (run_id) WHERE run_id IS NOT NULL;

-- One row a call of aput_writes; seq is its turn among the calls of its task.
CREATE TABLE checkpoint_writes (
  thread_id TEXT NOT NULL,
  checkpoint_ns TEXT NOT NULL,
  checkpoint_id TEXT NOT NULL,
  task_id TEXT NOT NULL,
  call_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  refs TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, call_id)
) WITHOUT ROWID;

-- Large values, once a thread, in parts that fit a row.
CREATE TABLE checkpoint_blobs (
  thread_id TEXT NOT NULL,
  blob_id TEXT NOT NULL,
  part INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (thread_id, blob_id, part)
) WITHOUT ROWID;
