"""Cloudflare D1 behind the Database port: transports, transaction, checkpointer, repositories."""

from backend.d1.checkpointer import D1Saver
from backend.d1.database import open_database

__all__ = ["D1Saver", "open_database"]
