"""The desk: what an operator's short commands need, without a graph or a model, whose packages take seconds to import."""

from collections.abc import AsyncGenerator, Callable, Container, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar, cast

from pydantic import SecretStr

from backend.d1.database import open_database, open_proven_database
from backend.d1.embedded import IN_MEMORY
from backend.d1.meter import MeteredDatabase
from backend.d1.remote import HttpPolicy
from backend.domain.attendance import AttendanceLimits
from backend.domain.flags import Flags
from backend.domain.schedule import NO_HOLIDAYS, SendRules, read_days, read_hours
from backend.domain.unsubscribe import MIN_SECRET_CHARS, UnsubscribeLinks
from backend.errors import SettingRefused
from backend.listings import Lists, Previews, Sends, Stops
from backend.mail import SmtpServer, read_mail_url, read_sent_url, tell_provider
from backend.ports import Clock, Schema, Tokens
from backend.read_models import Requeue, Switches
from backend.settings import Settings, kill_switch_is_on, read_settings
from backend.source import read_commit
from backend.store.lists import D1Lists
from backend.store.previews import D1Previews
from backend.store.requeue import D1Requeue
from backend.store.schema import D1Schema
from backend.store.sends import D1Sends
from backend.store.stops import D1Stops
from backend.store.switches import D1Switches
from backend.store.tokens import D1Tokens

T = TypeVar("T")

CONTAINERS_D1 = "http://d1.internal"
"""The bridge inside Cloudflare's container, where the Worker needs no token to know who asks."""
OUTBOX_IN_CONTAINER = (
    "is on the disk of Cloudflare's container, which is gone 15 minutes after the last request, emails included"
)
RUN_ELSEWHERE = "Run the service on a machine that keeps its disk, and give the Worker its address as SERVICE_URL."
"""The sentence that refuses the outbox in the container, and says what to do."""


class SystemClock:
    """Tells the machine's time."""

    def now(self) -> datetime:
        """See `ports.Clock.now`."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Desk:
    """The database's schema, its tokens, its lists, sends and drafts, the threads that were given up and the flags."""

    schema: Schema
    tokens: Tokens
    parked: Requeue
    lists: Lists
    sends: Sends
    stops: Stops
    previews: Previews
    switches: Switches
    clock: Clock


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A door knows this of the settings before it opens the service; of a secret no more than its length, 0 without one.

    `outbox_dir` is empty where a provider sends, and `smtp` is the server without its password where one is used.
    """

    host: str
    port: int
    log_level: str
    d1_url: str
    d1_token_chars: int
    checkpoint_key_chars: int
    has_model_key: bool
    model_url: str
    models_are_off: bool
    flags: Flags
    cron_secret_chars: int
    previous_cron_secret_chars: int
    cron_secrets_are_equal: bool
    outbox_dir: str
    mail: str
    mail_key_chars: int
    smtp: SmtpServer | None
    knows_sent_folder: bool
    rules: SendRules
    public_url: str
    unsubscribe_secret_chars: int
    earlier_unsubscribe_secrets_chars: tuple[int, ...]
    attendance_limits: AttendanceLimits

    @property
    def is_embedded(self) -> bool:
        """True when the database is a file of this machine, which this process may migrate and make tokens in."""
        return self.d1_url.startswith("sqlite:")

    @property
    def is_in_container(self) -> bool:
        """True in Cloudflare's container, whose disk is gone with it."""
        return self.d1_url.rstrip("/") == CONTAINERS_D1

    @property
    def database_file(self) -> Path | None:
        """The path of an embedded database; None where it has no file, and where the URL says nothing."""
        path = self.d1_url.removeprefix("sqlite:///")
        return None if path in {"", IN_MEMORY, self.d1_url} else Path(path).absolute()


def look_around(overrides: Mapping[str, object] | None = None) -> Surroundings:
    """Read the settings as `open_service` will.

    Raises:
        SettingRefused: a setting is not allowed.
    """
    settings = read_settings(overrides)
    provider = read_mail_url(reveal(settings.mail_url) or "", outbox_dir=settings.outbox_dir)
    return Surroundings(
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        d1_url=settings.d1_url,
        d1_token_chars=len(settings.d1_token or ""),
        checkpoint_key_chars=len(settings.checkpoint_key or ""),
        has_model_key=bool((reveal(settings.deepseek_api_key) or "").strip()),
        model_url=settings.deepseek_base_url,
        models_are_off=kill_switch_is_on(settings.llm_kill_switch),
        flags=flags_of(settings),
        cron_secret_chars=len(settings.cron_secret or ""),
        previous_cron_secret_chars=len(settings.cron_secret_previous or ""),
        cron_secrets_are_equal=settings.cron_secret == settings.cron_secret_previous,
        outbox_dir=str(provider) if isinstance(provider, Path) else "",
        mail=tell_provider(provider),
        mail_key_chars=len(settings.resend_api_key or ""),
        smtp=replace(provider, password="") if isinstance(provider, SmtpServer) else None,
        knows_sent_folder=read_sent_url(reveal(settings.mail_sent_url) or "") is not None,
        rules=rules_of(settings),
        public_url=settings.public_url,
        unsubscribe_secret_chars=len(settings.unsubscribe_secret or ""),
        earlier_unsubscribe_secrets_chars=tuple(
            len(secret) for secret in (reveal(settings.unsubscribe_secret_previous) or "").split()
        ),
        attendance_limits=attendance_limits_of(settings),
    )


@asynccontextmanager
async def open_desk() -> AsyncGenerator[Desk, None]:
    """Open the database of the settings for work.

    Raises:
        SettingRefused, BatchesNotAtomic, DatabaseUnreachable: as `wiring.open_service` does.
    """
    settings = read_settings()
    async with open_proven_database(settings.d1_url, reveal(settings.d1_token)) as database:
        switches = D1Switches(database, flags_of(settings), commit_of(settings))
        yield Desk(
            schema=D1Schema(database),
            tokens=D1Tokens(database),
            parked=D1Requeue(database),
            lists=D1Lists(database),
            sends=D1Sends(database),
            stops=D1Stops(database),
            previews=D1Previews(database, links_of(settings)),
            switches=switches,
            clock=SystemClock(),
        )


@asynccontextmanager
async def open_configured_database(
    overrides: Mapping[str, object] | None = None, *, policy: HttpPolicy | None = None
) -> AsyncGenerator[MeteredDatabase, None]:
    """Open the database of the settings as it is, unproven, to be looked at.

    Raises:
        SettingRefused: a setting is not allowed; nothing was opened.
        DatabaseUnreachable: an embedded database cannot be opened.
    """
    settings = read_settings(overrides)
    async with open_database(settings.d1_url, reveal(settings.d1_token), policy=policy) as database:
        yield database


def flags_of(settings: Settings) -> Flags:
    """The defaults that the stored flags are laid over."""
    return Flags(settings.campaign_coach_enabled, settings.orchestrator_role_plan)


def rules_of(settings: Settings) -> SendRules:
    """The hours and caps of sends.

    Raises:
        SettingRefused: days or hours are none.
    """
    return SendRules(
        days=_read("SEND_DAYS", read_days, settings.send_days),
        hours=_read("SEND_HOURS", read_hours, settings.send_hours),
        mailbox_cap_a_day=settings.mailbox_cap_a_day or None,
        mailbox_cap_an_hour=settings.mailbox_cap_an_hour or None,
        domain_cap_a_day=settings.recipient_domain_cap_a_day or None,
        min_gap=timedelta(hours=settings.min_gap_hours),
        holidays_of=holidays_of,
    )


def _read(variable: str, read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise SettingRefused(variable, str(error)) from None


def knows_holidays() -> bool:
    """Tell whether the extra `holidays` is installed."""
    return find_spec("holidays") is not None


@cache
def holidays_of(country: str) -> Container[date]:
    """The public holidays of a country by its ISO 3166 code; none where the extra `holidays` or the country is not known."""
    if not knows_holidays():
        return NO_HOLIDAYS
    import holidays  # noqa: PLC0415  # an optional extra

    try:
        return cast("Container[date]", holidays.country_holidays(country))
    except NotImplementedError:
        return NO_HOLIDAYS


def links_of(settings: Settings) -> UnsubscribeLinks:
    """Read the links to unsubscribe; without a PUBLIC_URL none are made, and those made before are still good.

    Raises:
        SettingRefused: a link could be forged, or leads nowhere.
    """
    current, earlier = reveal(settings.unsubscribe_secret) or "", (reveal(settings.unsubscribe_secret_previous) or "").split()
    if (settings.public_url or current) and len(current) < MIN_SECRET_CHARS:
        variable = "UNSUBSCRIBE_SECRET"
        raise SettingRefused(variable, f"has fewer than {MIN_SECRET_CHARS} characters, and signs the links under PUBLIC_URL")
    if any(len(secret) < MIN_SECRET_CHARS for secret in earlier):
        variable = "UNSUBSCRIBE_SECRET_PREVIOUS"
        raise SettingRefused(variable, f"holds a secret of fewer than {MIN_SECRET_CHARS} characters")
    return UnsubscribeLinks(settings.public_url, tuple(secret for secret in (current, *earlier) if secret))


def attendance_limits_of(settings: Settings) -> AttendanceLimits:
    """The spans after which it is said that nobody sweeps, or looks at the drafts."""
    tick, draft = timedelta(minutes=settings.tick_max_age_minutes), timedelta(days=settings.draft_max_wait_days)
    return AttendanceLimits(tick, draft)


def commit_of(settings: Settings) -> str:
    """The commit this code is of: what the settings say, else what git does."""
    return settings.release_commit.strip() or read_commit().sha


def reveal(secret: SecretStr | None) -> str | None:
    """The text of a secret."""
    return secret.get_secret_value() if secret else None
