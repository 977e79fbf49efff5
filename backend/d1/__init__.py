"""The client of Cloudflare D1: statements in, results out, one batch one transaction, over three transports."""

from backend.d1.database import open_database

__all__ = ["open_database"]
