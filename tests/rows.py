"""The service's own tables as tests read and change them: the one place where a test's SQL names their columns."""

import json
from dataclasses import dataclass
from typing import Literal

from backend.d1.statements import Database, Row, SqlValue, Statement
from backend.domain.campaign import draft_id_of, touch_of
from backend.domain.suppression import address_sha256

Table = Literal[
    "audit", "campaigns", "companies", "company_facts", "contacts", "drafts", "flags", "memories", "send_ledger",
    "decision_keys", "gate_decisions", "suppressions", "threads", "tokens",
]  # fmt: skip
ORDERS: dict[Table, str] = {
    "audit": "at, audit_id",
    "campaigns": "campaign_id",
    "companies": "company_id",
    "company_facts": "company_id, field, source",
    "contacts": "contact_id",
    "decision_keys": "key_sha256",
    "drafts": "thread_id, step, version",
    "flags": "name",
    "gate_decisions": "flag, commit_sha, attempt",
    "memories": "contact_id, created_at",
    "send_ledger": "thread_id, step",
    "suppressions": "address_sha256",
    "threads": "thread_id",
    "tokens": "name",
}
"""Every table, and the order its rows are read in."""
SOME_TIME = "2026-11-01T00:00:00.000Z"
"""When a row that a test adds was made."""


@dataclass(frozen=True)
class Rows:
    """The tables behind one database. `known` gives columns and the values they must have; rows come whole, by name."""

    database: Database

    async def all(self, table: Table, **known: SqlValue) -> list[Row]:
        """The rows of a table, in its order."""
        where = " AND ".join(f"{column} IS ?{number}" for number, column in enumerate(known, 1)) or "true"
        return await self._run(
            f"SELECT * FROM {table} WHERE {where} ORDER BY {ORDERS[table]}", *known.values()
        )  # names of our tests

    async def everything(self) -> dict[Table, list[Row]]:
        """Every row of every table."""
        return {table: await self.all(table) for table in ORDERS}

    async def threads(self, **known: SqlValue) -> list[Row]:
        """Threads, by id."""
        return await self.all("threads", **known)

    async def thread(self, thread_id: str = "close:ada") -> Row:
        """One thread."""
        (row,) = await self.threads(thread_id=thread_id)
        return row

    async def drafts(self, **known: SqlValue) -> list[Row]:
        """Drafts by thread, step and version, each with its id, by which they may be asked for."""
        if touch := touch_of(str(known.pop("draft_id", ""))):
            known |= dict(zip(("thread_id", "step", "version"), touch, strict=True))
        found = await self.all("drafts", **known)
        return [{**row, "draft_id": draft_id_of(row["thread_id"], row["step"], row["version"])} for row in found]

    async def pending(self) -> list[str]:
        """The ids of the drafts that wait, by thread."""
        return [str(row["draft_id"]) for row in await self.drafts(status="pending")]

    async def sends(self, **known: SqlValue) -> list[Row]:
        """The ledger, by thread and step."""
        return await self.all("send_ledger", **known)

    async def send_states(self) -> list[str]:
        """What the ledger says of each send, by thread and step."""
        return [str(row["state"]) for row in await self.sends()]

    async def audit(self, **known: SqlValue) -> list[Row]:
        """The audit trail, the oldest row first."""
        return await self.all("audit", **known)

    async def set_threads(self, **columns: SqlValue) -> None:
        """Change every thread."""
        await self._set("threads", columns)

    async def set_drafts(self, **columns: SqlValue) -> None:
        """Change every draft."""
        await self._set("drafts", columns)

    async def set_sends(self, **columns: SqlValue) -> None:
        """Change every send."""
        await self._set("send_ledger", columns)

    async def set_campaigns(self, **columns: SqlValue) -> None:
        """Change every campaign."""
        await self._set("campaigns", columns)

    async def set_contacts(self, **columns: SqlValue) -> None:
        """Change every contact."""
        await self._set("contacts", columns)

    async def checkpoints(self) -> dict[str, int]:
        """How many rows the checkpointer keeps of each kind but writes."""
        tables = ("checkpoints", "checkpoint_blobs")
        return {table: len(await self._run(f"SELECT 1 FROM {table}")) for table in tables}  # names from here

    async def damage_checkpoints(self) -> None:
        """Let no checkpoint be what the saver wrote."""
        await self._run("UPDATE checkpoints SET body = 'raw:AAAA'")

    async def crowd(self, size: int) -> None:
        """Enrol `size` contacts with threads that are due, and a draft of each that waits, as one statement a table."""
        numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)"
        await self._run(
            f"{numbers} INSERT INTO contacts (contact_id, address, address_sha256, name, title, updated_at) "
            "SELECT 'c' || i, 'c' || i || '@crowd.example', 'sha' || i, 'C', '', ?2 FROM n",
            size,
            SOME_TIME,
        )
        await self._run(
            f"{numbers} INSERT INTO threads (thread_id, campaign_id, contact_id, status, enrolled_at, next_touch_at) "
            "SELECT 'close:c' || i, 'close', 'c' || i, 'scheduled', ?2, ?2 FROM n",
            size,
            SOME_TIME,
        )
        await self._run(
            f"{numbers} INSERT INTO drafts (thread_id, step, version, campaign_id, interrupt_id, status, subject, body, "
            "provenance, graph_meta, recipient_name, recipient_address, sender_name, sender_address, created_at) "
            "SELECT 'close:c' || i, 5, 1, 'close', '', 'pending', 's', 'b', '{}', '{}', '', '', '', '', ?2 FROM n",
            size,
            SOME_TIME,
        )

    async def burden(self, size: int) -> None:
        """Give Ada's company `size` facts, and Ada `size` emails that were sent and as many memories."""
        numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)"
        await self._run(
            f"{numbers} INSERT INTO company_facts (company_id, field, source, value, confidence, observed_at) "
            "SELECT 'northwind', 'f' || i, 's', 'v', 0.5, ?2 FROM n",
            size,
            SOME_TIME,
        )
        await self._run(
            f"{numbers} INSERT INTO memories (contact_id, kind, text, created_at) SELECT 'ada', 'tried', 'm' || i, ?2 FROM n",
            size,
            SOME_TIME,
        )
        await self._run(
            f"{numbers} INSERT INTO drafts (thread_id, step, version, campaign_id, interrupt_id, status, subject, body, "
            "provenance, graph_meta, recipient_name, recipient_address, sender_name, sender_address, created_at) "
            "SELECT 'close' || i || ':ada', 0, 1, 'close', '', 'decided', 's', 'b', '{}', '{}', '', '', '', '', ?2 FROM n",
            size,
            SOME_TIME,
        )
        await self._run(
            f"{numbers} INSERT INTO send_ledger (thread_id, step, version, contact_id, attempt_id, provider, sender_address, "
            "message_id, state, envelope, text_sha256, reserved_at) "
            "SELECT 'close' || i || ':ada', 0, 1, 'ada', '', '', '', '', 'sent', '{\"sent_at\": \"\"}', '', ?2 FROM n",
            size,
            SOME_TIME,
        )

    async def enrol(self, campaign_id: str, contact_id: str) -> None:
        """Add a thread that is due."""
        await self._add(
            "threads", thread_id=f"{campaign_id}:{contact_id}", campaign_id=campaign_id, contact_id=contact_id,
            status="scheduled", enrolled_at=SOME_TIME, next_touch_at=SOME_TIME,
        )  # fmt: skip

    async def stop_threads(self, *thread_ids: str) -> None:
        """Let these threads have ended."""
        await self._run(
            "UPDATE threads SET status = 'stopped', next_touch_at = NULL WHERE thread_id IN (SELECT value FROM json_each(?1))",
            json.dumps(thread_ids),
        )

    async def judge_crowd(self, size: int, decision: str) -> None:
        """Let a draft of each of `size` threads be decided on, long after every flag was set."""
        await self._run("DELETE FROM drafts WHERE step = 6")
        await self._run(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) "
            "INSERT INTO drafts (thread_id, step, version, campaign_id, interrupt_id, status, subject, body, "
            "provenance, graph_meta, recipient_name, recipient_address, sender_name, sender_address, created_at, decision, "
            "decided_at) "
            "SELECT 'close:c' || i, 6, 1, 'close', '', 'decided', 's', 'b', '{}', '{}', '', '', '', '', ?2, ?3, ?2 FROM n",
            size,
            "2999-01-01T00:00:00.000Z",
            decision,
        )

    async def free_some(self, number: int) -> None:
        """Let the lease of the first of the crowd be gone."""
        await self._run(
            "UPDATE threads SET lease_until_at = NULL WHERE contact_id IN (SELECT 'c' || value FROM json_each(?1))",
            json.dumps(list(range(1, number + 1))),
        )

    async def add_campaign(self, campaign_id: str) -> None:
        """Add a campaign nobody is enrolled in."""
        await self._add(
            "campaigns",
            campaign_id=campaign_id,
            name="n",
            offer="o",
            sender_name="s",
            sender_address="s@vendor.example",
            allowed_links="[]",
            created_at=SOME_TIME,
        )

    async def set_facts(self, **columns: SqlValue) -> None:
        """Change every fact."""
        await self._set("company_facts", columns)

    async def raise_flag(self, contact_id: str, flag: str) -> None:
        """Raise one of the four flags of a contact, and suppress nothing."""
        await self._run(f"UPDATE contacts SET {flag} = 1 WHERE contact_id = ?1", contact_id)  # as above

    async def suppress(self, address: str) -> None:
        """Put an address on the list, as an import does."""
        await self._add("suppressions", address_sha256=address_sha256(address), reason="import", created_at=SOME_TIME)

    async def store_flag(self, name: str, value: SqlValue, *, set_by: str = "op") -> None:
        """Store a flag, as an operator does; one of the same name is replaced."""
        await self._run("DELETE FROM flags WHERE name = ?1", name)
        await self._add("flags", name=name, value=value, set_by=set_by, set_at=SOME_TIME)

    async def forget_flags(self) -> None:
        """Take every stored flag away, so that the defaults count."""
        await self._run("DELETE FROM flags")

    async def hold_draft(self, campaign_id: str, contact_id: str, *, provenance: str) -> str:
        """Add a first draft that waits, without its thread's knowledge, and return its id."""
        thread_id = f"{campaign_id}:{contact_id}"
        await self._add(
            "drafts", thread_id=thread_id, step=0, version=1, campaign_id=campaign_id, interrupt_id="", status="pending",
            subject="Subject", body="Body", provenance=provenance, graph_meta="{}", recipient_name="Ada Ngata",
            recipient_address="ada@northwind.example", sender_name="Ben Ortiz", sender_address="ben@vendor.example",
            created_at=SOME_TIME,
        )  # fmt: skip
        return draft_id_of(thread_id, 0, 1)

    async def record_send(self, step: int, *, subject: str, body: str, at: str) -> None:
        """Add a draft of the thread `close:ada` and its send, which the provider took."""
        await self._add(
            "drafts", thread_id="close:ada", step=step, version=1, campaign_id="close", interrupt_id="", status="decided",
            subject=subject, body=body, provenance="{}", graph_meta="{}", recipient_name="", recipient_address="",
            sender_name="", sender_address="", created_at=at,
        )  # fmt: skip
        await self._add(
            "send_ledger", thread_id="close:ada", step=step, version=1, contact_id="ada", attempt_id=str(step), provider="",
            sender_address="", message_id="", state="sent", envelope=json.dumps({"sent_at": at}), text_sha256="",
            reserved_at=at,
        )  # fmt: skip

    async def _set(self, table: Table, columns: dict[str, SqlValue]) -> None:
        changes = ", ".join(f"{column} = ?{number}" for number, column in enumerate(columns, 1))
        await self._run(f"UPDATE {table} SET {changes}", *columns.values())  # names of our tests

    async def _add(self, table: Table, **columns: SqlValue) -> None:
        marks = ", ".join(f"?{number}" for number in range(1, len(columns) + 1))
        await self._run(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", *columns.values())  # names from above

    async def _run(self, sql: str, *params: SqlValue) -> list[Row]:
        (result,) = await self.database.batch([Statement(sql, params)])
        return result.rows
