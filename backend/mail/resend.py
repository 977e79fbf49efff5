"""Email through Resend's HTTP API: the ledger's key goes along, so the same email is delivered once within 24 hours."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from http import HTTPStatus
from typing import Any, Final, Self, cast
from urllib.parse import quote

import httpx

from backend.domain.instants import to_text
from backend.domain.suppression import normalise_address
from backend.egress import trusted_tls
from backend.errors import DeliveriesUnread, MailError, MailOutcomeUnknown, MailPostponed, MailRefused
from backend.mail.message import ascii_address, html_of, render
from backend.ports import Delivery, KnownBy, OutgoingEmail

RESEND_URL: Final = "https://api.resend.com"
SEND_DEADLINE_S: Final = 15.0
MAX_RESPONSE_BYTES: Final = 100_000
MAX_PAGE_BYTES: Final = 4_000_000

_QUOTA_WAIT: Final = timedelta(hours=1)
_MAX_DIGITS: Final = 8
_PAGE_SIZE: Final = 100
_ASKED_AT_MOST: Final = 10
_LONGEST_WAIT: Final = timedelta(seconds=30)
_SPENT_KEY: Final = "invalid_idempotent_request"
_OF_THIS_EMAIL: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})
"""Resend's other errors speak of our key, our domain, our quota or of another request under way."""
_OF_OUR_KEY: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class ResendMailer:
    """Posts each email under the ledger's key, the same bytes every time; use it as a context manager."""

    name = "resend"
    known_by: KnownBy = "provider_id"
    replay_window = timedelta(hours=24)

    def __init__(self, api_key: str, *, url: str = RESEND_URL, deadline_s: float = SEND_DEADLINE_S) -> None:
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {api_key}", "User-Agent": "agentic-sales"},
            verify=trusted_tls(),
            trust_env=False,
            timeout=deadline_s,
            follow_redirects=False,
        )

    async def __aenter__(self) -> Self:
        """Return the mailer; its connections are made when they are needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send(self, email: OutgoingEmail) -> str:
        """Deliver `email` at most once per key within the window, and return Resend's id for it.

        Raises:
            MailRefused: the email is malformed, or Resend said no for good.
            MailPostponed: Resend was not reached, or said not now; it has accepted nothing.
            MailOutcomeUnknown: the request was made, and its answer does not say what became of it.
        """
        content = _as_json(email)
        headers = {"Content-Type": "application/json", "Idempotency-Key": email.idempotency_key}
        try:
            async with self._client.stream("POST", "/emails", content=content, headers=headers) as response:
                body = await _read_bounded(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise MailPostponed(self.name, f"the connection failed ({type(error).__name__})") from error
        except httpx.HTTPError as error:
            raise MailOutcomeUnknown(self.name, f"the connection ended before the answer ({type(error).__name__})") from error
        fields = _read(body)
        sent_id = fields.get("id")
        if response.is_success and isinstance(sent_id, str) and sent_id:
            return sent_id
        raise self._meaning_of(response, str(fields.get("name", "")))

    async def since(self, instant: datetime, senders: Collection[str]) -> AsyncIterator[Delivery]:
        """See `ports.Deliveries.since`; the account's emails from other senders are left out."""
        own, place, known = set(map(normalise_address, senders)), "", set[str]()
        while True:
            after = {"after": place} if place else {}
            status, fields = await self._get("/emails", {"limit": str(_PAGE_SIZE), **after})
            emails = fields.get("data")
            if status in _OF_OUR_KEY:
                raise DeliveriesUnread(
                    self.name, f"RESEND_API_KEY may not read emails (it answered {status}); take one that may"
                )
            if status != HTTPStatus.OK or not isinstance(emails, list):
                raise DeliveriesUnread(self.name, f"it answered {status} to a list of emails")
            for email in cast("list[Any]", emails):
                at, place = _listed(email)
                if at < instant:
                    return
                if place in known:
                    raise DeliveriesUnread(self.name, "its list begins again before its end")
                known.add(place)
                if normalise_address(parseaddr(str(email.get("from")))[1]) in own:
                    yield Delivery(place, ", ".join(map(str, email.get("to") or [])), to_text(at))
            if not fields.get("has_more") or not emails:
                return

    async def has(self, delivery_id: str) -> bool:
        """See `ports.Deliveries.has`."""
        status, _ = await self._get(f"/emails/{quote(delivery_id, safe='')}", {})
        if status not in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
            raise DeliveriesUnread(self.name, f"it answered {status} to the question for an email")
        return status == HTTPStatus.OK

    async def _get(self, path: str, query: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
        """Ask, and wait when Resend is asked too fast."""
        for _ in range(_ASKED_AT_MOST):
            try:
                async with self._client.stream("GET", path, params=query) as response:
                    body = await _read_bounded(response, MAX_PAGE_BYTES)
            except httpx.HTTPError as error:
                raise DeliveriesUnread(self.name, f"the connection failed ({type(error).__name__})") from error
            if response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
                return response.status_code, _read(body)
            await asyncio.sleep(min(_retry_after(response.headers), _LONGEST_WAIT).total_seconds())
        raise DeliveriesUnread(self.name, "it is asked too often")

    def _meaning_of(self, response: httpx.Response, error_name: str) -> MailError:
        """Tell what an answer without an id means, by its status and its error's name; its message may name anybody."""
        status = response.status_code
        why = f"it answered {status} {error_name[:60]}".strip()
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return MailPostponed(self.name, why, retry_after=_retry_after(response.headers))
        if error_name == _SPENT_KEY:
            return MailOutcomeUnknown(self.name, "its key was used before, for another email")
        if status in _OF_THIS_EMAIL and error_name:
            return MailRefused(self.name, why)
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and error_name:
            return MailPostponed(self.name, why)
        return MailOutcomeUnknown(self.name, why)


def _as_json(email: OutgoingEmail) -> bytes:
    """The request's body; equal emails are equal bytes. A malformed email is refused here as everywhere."""
    render(email)
    return json.dumps(
        {
            "from": _mailbox(email.sender_name, email.sender_address),
            "to": [_mailbox(email.recipient_name, email.recipient_address)],
            **({"reply_to": ascii_address(email.reply_to)} if email.reply_to else {}),
            "subject": email.subject,
            "text": email.text,
            "html": html_of(email),
            "headers": {"Message-ID": email.message_id, **dict(sorted(email.headers.items()))},
        },
        ensure_ascii=False,
    ).encode()


def _mailbox(name: str, address: str) -> str:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{ascii_address(address)}>' if name else ascii_address(address)


def _listed(email: Any) -> tuple[datetime, str]:
    """Return the instant at which an email of Resend's list was made, and its id there."""
    try:
        at, sent_id = datetime.fromisoformat(str(email["created_at"])), email["id"]
    except (TypeError, KeyError, ValueError):
        raise DeliveriesUnread(ResendMailer.name, "an email of its list has no date or no id") from None
    if not (isinstance(sent_id, str) and sent_id):
        raise DeliveriesUnread(ResendMailer.name, "an email of its list has no date or no id")
    return at if at.tzinfo else at.replace(tzinfo=UTC), sent_id


async def _read_bounded(response: httpx.Response, most_bytes: int = MAX_RESPONSE_BYTES) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > most_bytes:
            break
    return bytes(body)


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        found: object = json.loads(body)
    except ValueError:  # also text that is no UTF-8
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _retry_after(headers: Mapping[str, str]) -> timedelta:
    """The seconds Resend asks us to wait; without them, as long as a quota may take to come back."""
    seconds = headers.get("retry-after", "").strip()
    if not seconds.isdecimal() or len(seconds) > _MAX_DIGITS:
        return _QUOTA_WAIT
    return min(timedelta(seconds=int(seconds)), timedelta(days=1))
