"""A crowd for the benchmarks: rows written straight into a local D1's SQLite file, while no Worker has it open.

It fills the columns that the file's own version of a table has, so that two versions can be asked the same.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

LONG_AGO = "2026-01-01T00:00:00.000Z"
FACTS_A_COMPANY = 20
TOUCHES = 6
TEXT = "Hello, three days are a long close, and the third of them is spent on looking for what the first two left out. " * 6

Columns = Mapping[str, str]
"""SQL expressions by column, over a number `i` of the crowd and a number `k` from 0."""

_PROVENANCE = '{"confidence": 1, "reason": "r", "source": "default", "evidence": []}'
_META = {"provenance": f"'{_PROVENANCE}'", "graph_meta": "'{}'", "interrupt_id": "''"}
_DRAFT: Columns = {
    **_META,
    "version": "1",
    "subject": "'Your month-end close'",
    "body": f"'{TEXT}'",
    "recipient_name": "'C'",
    "recipient_address": "'c' || i || '@crowd.example'",
    "sender_name": "'Ben Ortiz'",
    "sender_address": "'ben@vendor.example'",
}
_SEND: Columns = {
    "thread_id": "'quiet:c' || i",
    "step": "k",
    "version": "1",
    "draft_id": "'quiet:c' || i || ':' || k",
    "contact_id": "'c' || i",
    "attempt_id": "'a'",
    "provider": "'outbox'",
    "sender_address": "'ben@vendor.example'",
    "message_id": "'<' || i || '.' || k || '@vendor.example>'",
    "state": "'sent'",
    "envelope": f"""'{{"sent_at": "{LONG_AGO}", "message_id": "m"}}'""",
    "email": f"""'{{"sent_at": "{LONG_AGO}", "message_id": "m", "subject": "s", "body": "b"}}'""",
    "text_sha256": "''",
    "reserved_at": f"'{LONG_AGO}'",
    "settled_at": f"'{LONG_AGO}'",
}


def _thread(campaign_id: str, status: str, **more: str) -> Columns:
    return {
        "thread_id": f"'{campaign_id}:c' || i",
        "campaign_id": f"'{campaign_id}'",
        "contact_id": "'c' || i",
        "status": f"'{status}'",
        "enrolled_at": f"'{LONG_AGO}'",
        **more,
    }


def _campaign(campaign_id: str) -> Columns:
    columns = ("name", "offer", "sender_name")
    return {
        "campaign_id": f"'{campaign_id}'",
        "sender_address": "'ben@vendor.example'",
        "allowed_links": "'[]'",
        "created_at": f"'{LONG_AGO}'",
        **dict.fromkeys(columns, "'Ben Ortiz'"),
    }


def fill(path: Path, size: int) -> None:
    """Add `size` contacts to the file, each at a company of `FACTS_A_COMPANY` facts, and each in four campaigns.

    `close` is due; `waits` has a draft that waits; `quiet` is done, with two decided drafts and `TOUCHES` sends a thread;
    `lost` was given up. Of one more contact, `hub`, as many facts and sends are known as there are contacts.
    """
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA synchronous = OFF")
        for campaign_id in ("close", "waits", "quiet", "lost"):
            _add(database, "campaigns", _campaign(campaign_id), 1)
        company = {"company_id": "'f' || i", "name": "'Firm ' || i", "domain": "'f' || i || '.example'"}
        _add(database, "companies", company, size)
        fact = {"company_id": "'f' || i", "field": "'field' || k", "source": "'a report'", "value": "'forty'"}
        _add(database, "company_facts", {**fact, "confidence": "0.5", "observed_at": f"'{LONG_AGO}'"}, size, FACTS_A_COMPANY)
        address = {"address": "'c' || i || '@crowd.example'", "address_sha256": "'sha' || i", "name": "'C'", "title": "''"}
        contact = {"contact_id": "'c' || i", "company_id": "'f' || i", "updated_at": f"'{LONG_AGO}'"}
        _add(database, "contacts", {**contact, **address}, size)
        _add(database, "threads", _thread("close", "scheduled", next_touch_at=f"'{LONG_AGO}'"), size)
        waits = {"draft_id": "'waits:c' || i || ':2:1'", "draft_version": "1", "step": "2"}
        _add(database, "threads", _thread("waits", "awaiting_approval", **waits), size)
        _add(database, "threads", _thread("quiet", "completed", step="2"), size)
        _add(database, "threads", _thread("lost", "parked", step="1", attempts="5"), size)
        waiting = {"draft_id": waits["draft_id"], "thread_id": "'waits:c' || i", "campaign_id": "'waits'", "step": "2"}
        _add(database, "drafts", {**_DRAFT, **waiting, "status": "'pending'", "created_at": f"'{LONG_AGO}'"}, size)
        decided = {"draft_id": _SEND["draft_id"], "thread_id": "'quiet:c' || i", "campaign_id": "'quiet'", "step": "k"}
        by_rep = {"decision": "'approve'", "decided_by": "'ana'", "decided_at": f"'{LONG_AGO}'"}
        done = {**_DRAFT, **decided, **by_rep, "status": "'decided'", "created_at": f"'{LONG_AGO}'"}
        _add(database, "drafts", done, size, 2)
        _add(database, "send_ledger", _SEND, size, TOUCHES)
        audit = {"audit_id": "'quiet:c' || i || ':' || k", "thread_id": "'quiet:c' || i", "at": f"'{LONG_AGO}'"}
        _add(database, "audit", {**audit, "principal": "'ana'", "action": "'approve'"}, size, TOUCHES)
        _add_hub(database, size)
        database.commit()


def _add_hub(database: sqlite3.Connection, size: int) -> None:
    fact = {"company_id": "'hub'", "field": "'field' || i", "source": "'a report'", "value": "'forty'"}
    contact = {"contact_id": "'hub'", "company_id": "'hub'", "updated_at": f"'{LONG_AGO}'", "title": "''", "name": "'Hub'"}
    sent = {"thread_id": "'old' || i || ':hub'", "contact_id": "'hub'", "draft_id": "'old' || i || ':hub:0:1'", "step": "0"}
    drafted = {**sent, "campaign_id": "'old' || i", "status": "'decided'", "decision": "'approve'"}
    _add(database, "companies", {"company_id": "'hub'", "name": "'Hub'"}, 1)
    _add(database, "company_facts", {**fact, "confidence": "0.5", "observed_at": f"'{LONG_AGO}'"}, size)
    _add(database, "contacts", {**contact, "address": "'hub@crowd.example'", "address_sha256": "'hub'"}, 1)
    _add(database, "drafts", {**_DRAFT, **drafted, "created_at": f"'{LONG_AGO}'"}, size)
    _add(database, "send_ledger", {**_SEND, **sent}, size)


def lease_all_but(path: Path, free: int) -> None:
    """Let somebody hold every due thread but the first `free`, for long."""
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "UPDATE threads SET lease_owner = 'somebody', lease_until_at = '2999-01-01T00:00:00.000Z', fence = 7 "
            "WHERE campaign_id = 'close' AND CAST(substr(contact_id, 2) AS INTEGER) > ?1",
            (free,),
        )
        database.commit()


def take_all_but(path: Path, left: int) -> None:
    """Let the due threads be taken but the last `left`, as if a sweep had drafted to the others."""
    with closing(sqlite3.connect(path)) as database:
        (size,) = database.execute("SELECT count(*) FROM threads WHERE campaign_id = 'close'").fetchone()
        database.execute(
            "UPDATE threads SET status = 'awaiting_approval', next_touch_at = NULL "
            "WHERE campaign_id = 'close' AND CAST(substr(contact_id, 2) AS INTEGER) <= ?1",
            (size - left,),
        )
        database.commit()


def _add(database: sqlite3.Connection, table: str, columns: Columns, size: int, each: int = 1) -> None:
    own = {name for _, name, *_ in database.execute(f"PRAGMA table_info({table})")}
    known = {name: sql for name, sql in columns.items() if name in own}
    database.execute(
        "WITH RECURSIVE crowd (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM crowd WHERE i < ?1), "  # noqa: S608  # this file's
        "part (k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM part WHERE k + 1 < ?2) "
        f"INSERT INTO {table} ({', '.join(known)}) SELECT {', '.join(known.values())} FROM crowd, part",
        (size, each),
    )
