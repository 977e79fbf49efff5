"""The parts of `backend.d1.checkpointer`: sql, codec, rows, encode, decode, commits, staged."""
