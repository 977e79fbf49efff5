"""LangGraph's checkpointer on Cloudflare D1; it knows nothing of campaigns and has its own migrations.

saver.py      `D1Saver`, the contract's methods
core.py       how it reaches the database: alone, or as part of a run's transaction
sql.py        every statement
encode.py decode.py rows.py codec.py chunks.py    values into rows and back
fence.py heads.py                                 who may write to a thread, by what they read of it
group_commit.py staged.py                         how writes leave: in shared batches, or with their run
copying.py async_only.py                          a thread's copy; the synchronous methods, refused
"""

from backend.checkpointer.saver import D1Saver

__all__ = ["D1Saver"]
