"""The composition root: settings -> adapters -> compiled graphs -> the verbs. Reality is chosen here, and on the desk below."""

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from backend.campaigns import LEASE, Campaigns
from backend.checkpointer import D1Saver
from backend.d1.clock import TimedDatabase
from backend.d1.database import open_proven_database
from backend.d1.meter import MeteredDatabase
from backend.d1.sharing import SharedDatabase
from backend.desk import (
    OUTBOX_IN_CONTAINER,
    RUN_ELSEWHERE,
    SystemClock,
    attendance_limits_of,
    commit_of,
    flags_of,
    links_of,
    look_around,
    reveal,
    rules_of,
)
from backend.domain.attendance import AttendanceLimits
from backend.domain.flags import Flags
from backend.domain.schedule import UNRESTRICTED, SendRules
from backend.domain.unsubscribe import NO_LINKS, UnsubscribeLinks
from backend.emails import Emails
from backend.errors import SettingRefused
from backend.graphs.registry import GRAPHS
from backend.graphs.sending import APPROVAL_MAX_AGE_DAYS
from backend.intake import Intake
from backend.listings import Lists, Previews, Sends, Stops
from backend.llm import PRICES, DeepSeek, Price, PricedModel
from backend.mail import open_deliveries, open_mailer, read_mail_url, read_sent_url
from backend.ports import Attendances, Clock, Deliveries, Mailer, MakeLLM, Schema, Tier, Tokens, Unsubscribes
from backend.read_models import Requeue, Switches, Views
from backend.reconciling import Books
from backend.settings import kill_switch_is_on, read_settings
from backend.store.attendance import D1Attendance
from backend.store.books import D1Books
from backend.store.intake import D1Intake
from backend.store.ledger import D1SendLedger
from backend.store.lists import D1Lists
from backend.store.previews import D1Previews
from backend.store.records import D1Records
from backend.store.requeue import D1Requeue
from backend.store.schema import D1Schema
from backend.store.sends import D1Sends
from backend.store.stops import D1Stops
from backend.store.switches import D1Switches
from backend.store.threads import D1Threads
from backend.store.tokens import D1Tokens
from backend.store.unsubscribes import D1Unsubscribes
from backend.store.views import D1Views
from backend.sweeps import SWEEP_WIDTH


@dataclass(frozen=True, slots=True)
class Service:
    """Everything a door of the service may use; `cron_secrets` holds the live ones, during a rotation two."""

    campaigns: Campaigns
    emails: Emails
    intake: Intake
    views: Views
    previews: Previews
    parked: Requeue
    lists: Lists
    sends: Sends
    books: Books
    stops: Stops
    switches: Switches
    tokens: Tokens
    schema: Schema
    attendance: Attendances
    attendance_limits: AttendanceLimits
    database: MeteredDatabase
    mailer: Mailer
    clock: Clock
    links: UnsubscribeLinks
    unsubscribes: Unsubscribes
    cron_secrets: tuple[str, ...] = ()


def assemble(  # noqa: PLR0913  # one argument an adapter
    database: MeteredDatabase,
    *,
    clock: Clock,
    make_llm: MakeLLM,
    mailer: Mailer,
    flags: Flags,
    commit: str = "",
    approval_max_age: timedelta = timedelta(days=APPROVAL_MAX_AGE_DAYS),
    checkpoint_key: str | None = None,
    cron_secrets: tuple[str, ...] = (),
    sweep_width: int = SWEEP_WIDTH,
    rules: SendRules = UNRESTRICTED,
    links: UnsubscribeLinks = NO_LINKS,
    attendance_limits: AttendanceLimits | None = None,
) -> Service:
    """Wire the service over one database and one set of adapters; asks nobody and opens nothing.

    Raises:
        SettingRefused: the key is short, or the extra `encryption` is not installed.
    """
    saver = D1Saver(database, key=checkpoint_key, keep_latest=True)
    of_runs = SharedDatabase(database)
    campaign, orchestrator = GRAPHS["campaign"].build, GRAPHS["email_orchestrator"].build
    return Service(
        campaigns=Campaigns(
            threads=D1Threads(of_runs, saver, flags),
            ledger=D1SendLedger(of_runs, LEASE),
            graphs={coach: campaign(saver, coach=coach) for coach in (False, True)},
            make_llm=make_llm,
            mailer=mailer,
            clock=clock,
            approval_max_age=approval_max_age,
            sweep_width=sweep_width,
            rules=rules,
            links=links,
        ),
        emails=Emails(
            records=D1Records(database, flags),
            graphs={role_plan: orchestrator(role_plan=role_plan) for role_plan in (False, True)},
            make_llm=make_llm,
            clock=clock,
        ),
        intake=Intake(D1Intake(database)),
        views=D1Views(database, saver, flags, links),
        previews=D1Previews(database, links),
        parked=D1Requeue(database),
        lists=D1Lists(database),
        sends=D1Sends(database),
        books=D1Books(database, saver),
        stops=D1Stops(database),
        switches=D1Switches(database, flags, commit),
        tokens=D1Tokens(database),
        schema=D1Schema(database),
        attendance=D1Attendance(database),
        attendance_limits=attendance_limits or AttendanceLimits(),
        database=database,
        mailer=mailer,
        clock=clock,
        links=links,
        unsubscribes=D1Unsubscribes(database),
        cron_secrets=cron_secrets,
    )


@asynccontextmanager
async def open_service(
    overrides: Mapping[str, object] | None = None,
    *,
    clock: Clock | None = None,
    make_llm: MakeLLM | None = None,
    mailer: Mailer | None = None,
) -> AsyncGenerator[Service, None]:
    """Open the database and the model client, wire the service, and close both on leaving.

    `overrides` are settings by name that take precedence over the environment; each keyword replaces one adapter, as the
    demo does with the clock and tests with their fakes. A clock is the database's too.

    Raises:
        SettingRefused: a setting is not allowed, or emails would be lost with a container's disk; nothing was opened.
        BatchesNotAtomic: D1's REST API keeps half of a failed batch; nothing was opened.
        DatabaseUnreachable: the database cannot be opened, or REST did not answer the proof.
    """
    _hide_from_traces()
    settings = read_settings(overrides)
    async with AsyncExitStack() as stack:
        if mailer is None:
            mailer = await stack.enter_async_context(_open_mailer(overrides))
        database = await stack.enter_async_context(open_proven_database(settings.d1_url, reveal(settings.d1_token)))
        if make_llm is None:
            make_llm = await stack.enter_async_context(make_deepseek(overrides, clock=clock))
        yield assemble(
            TimedDatabase(database, clock.now) if clock else database,
            clock=clock or SystemClock(),
            make_llm=make_llm,
            mailer=mailer,
            flags=flags_of(settings),
            commit=commit_of(settings),
            approval_max_age=timedelta(days=settings.approval_max_age_days),
            rules=rules_of(settings),
            checkpoint_key=reveal(settings.checkpoint_key),
            cron_secrets=tuple(
                secret.get_secret_value() for secret in (settings.cron_secret, settings.cron_secret_previous) if secret
            ),
            sweep_width=settings.sweep_width,
            links=links_of(settings),
            attendance_limits=attendance_limits_of(settings),
        )


def make_deepseek(overrides: Mapping[str, object] | None = None, *, clock: Clock | None = None) -> DeepSeek:
    """Make the model client that `open_service` makes unless it is given one; whoever makes it closes it.

    Raises:
        SettingRefused: a setting is not allowed.
    """
    settings = read_settings(overrides)
    prices = {**PRICES, **{name: Price(*dollars) for name, dollars in settings.model_prices.items()}}
    names: dict[Tier, str] = {"standard": settings.deepseek_model_standard, "deep": settings.deepseek_model_deep}
    return DeepSeek(
        api_key=reveal(settings.deepseek_api_key),
        base_url=settings.deepseek_base_url,
        models={tier: PricedModel(name, prices.get(name)) for tier, name in names.items()},
        deadline_s=settings.model_deadline_s,
        kill_switch=lambda: kill_switch_is_on(settings.llm_kill_switch),
        clock=clock or SystemClock(),
    )


@asynccontextmanager
async def _open_mailer(overrides: Mapping[str, object] | None) -> AsyncGenerator[Mailer]:
    settings, around = read_settings(overrides), look_around(overrides)
    if around.is_in_container and around.outbox_dir:
        raise SettingRefused("OUTBOX_DIR", f"{OUTBOX_IN_CONTAINER}. {RUN_ELSEWHERE.removesuffix('.')}")  # noqa: EM101  # a name
    provider = read_mail_url(reveal(settings.mail_url) or "", outbox_dir=settings.outbox_dir)
    async with open_mailer(provider, resend_api_key=reveal(settings.resend_api_key) or "") as mailer:
        yield mailer


@asynccontextmanager
async def open_configured_deliveries(overrides: Mapping[str, object] | None = None) -> AsyncGenerator[Deliveries | None]:
    """Open what the provider of the settings tells of its deliveries; None where it tells nothing.

    Raises:
        SettingRefused: a setting is not allowed; nothing was opened.
    """
    settings = read_settings(overrides)
    provider = read_mail_url(reveal(settings.mail_url) or "", outbox_dir=settings.outbox_dir)
    sent = read_sent_url(reveal(settings.mail_sent_url) or "")
    async with open_deliveries(provider, resend_api_key=reveal(settings.resend_api_key) or "", sent=sent) as deliveries:
        yield deliveries


def _hide_from_traces() -> None:
    """Set what LangSmith reads from the environment: it hides for the exact word `true` only, we show for `false` only."""
    for variable in ("LANGSMITH_HIDE_INPUTS", "LANGSMITH_HIDE_OUTPUTS"):
        if os.environ.get(variable) != "false":
            os.environ[variable] = "true"
