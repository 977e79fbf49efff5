-- The checkpointer's tables. Every body is compressed, sealed and base64; refs is a JSON array of the blob_ids it needs.

-- channels: those with a value here. open_deltas: delta channels whose value is found further up the parents.
CREATE TABLE checkpoints (
  thread_id TEXT NOT NULL,
  checkpoint_ns TEXT NOT NULL,
  checkpoint_id TEXT NOT NULL,
  parent_id TEXT,
  run_id TEXT,
  tags TEXT NOT NULL,
  channels TEXT NOT NULL,
  open_deltas TEXT NOT NULL,
  refs TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)
) WITHOUT ROWID;

-- One row a run and thread, where an index on checkpoints would be one row a checkpoint.
CREATE TABLE checkpoint_runs (
  run_id TEXT NOT NULL,
  thread_id TEXT NOT NULL,
  PRIMARY KEY (run_id, thread_id)
) WITHOUT ROWID;

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
