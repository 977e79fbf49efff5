"""Cloudflare D1 behind the Database port: transports, transaction, checkpointer, repositories."""
