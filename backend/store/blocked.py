"""SQL finds why a contact may not be written to: a reply, a bounce or a wish holds for the address, whoever else has it."""

from backend.domain.suppression import CONTACT_FLAGS

ADDRESS_FLAGS = ", ".join(f"max(same.{flag}) AS any_{flag}" for flag in CONTACT_FLAGS)
"""Each flag, raised when any contact `same` of the address has it raised."""

_FIRST_FLAG = " ".join(f"WHEN max(same.{flag}) THEN '{flag}'" for flag in CONTACT_FLAGS)

BLOCKED_BECAUSE = f"""COALESCE(
  (SELECT 'suppressed' FROM suppressions WHERE suppressions.address_sha256 = contacts.address_sha256),
  (SELECT CASE {_FIRST_FLAG} END FROM contacts AS same WHERE same.address_sha256 = contacts.address_sha256)
)"""
"""The reason for the row of `contacts` in scope, in the order of `domain.suppression.reason_blocked`; NULL without one."""
