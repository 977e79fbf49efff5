"""The checks of the configuration: each takes what may be known of the settings and returns one finding; none asks anybody.

A new check is a function and a line in `CHECKS`.
"""

import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from backend.checkpointer.codec import MIN_KEY_CHARS, Codec
from backend.desk import OUTBOX_IN_CONTAINER, RUN_ELSEWHERE, Surroundings, knows_holidays
from backend.doctor.findings import Finding, note, ok, wrong
from backend.doctor.places import split
from backend.domain.schedule import tell_days
from backend.domain.unsubscribe import MIN_SECRET_CHARS as UNSUBSCRIBE_SECRET_CHARS
from backend.egress import is_loopback
from backend.errors import SettingRefused
from backend.logs import LEVELS
from backend.mail import SmtpServer

MIN_SECRET_CHARS: Final = 32
MIN_MAIL_KEY_CHARS: Final = 16

_DNS_NAME: Final = re.compile(r"(?:[A-Za-z0-9_-]+\.)+[A-Za-z][A-Za-z0-9-]*\.?")


def check_log_level(around: Surroundings) -> Finding:
    """Every command refuses to start with another word."""
    if around.log_level.strip().upper() in LEVELS:
        return ok(around.log_level)
    return wrong(f"{around.log_level!r} is no level", f"Set LOG_LEVEL to one of {', '.join(LEVELS)}.")


def check_d1_token(around: Surroundings) -> Finding:
    """A database elsewhere is open to whoever holds its token, so it takes one, and not in the clear."""
    if around.is_embedded:
        return ok("none is needed: the database is a file")
    if around.is_in_container:
        return ok("none is needed: the Worker knows its own container")
    parts = split(around.d1_url)
    if not around.d1_token_chars:
        return wrong("not set", "Set D1_TOKEN: D1_BRIDGE_TOKEN of the Worker, or for d1:// an API token that may edit D1.")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        return note("set, and sent in the clear", "Begin D1_URL with https.")
    return ok("set")


def check_checkpoint_key(around: Surroundings) -> Finding:
    """Without a key what a graph remembers can be read by whoever reads the database."""
    if not around.checkpoint_key_chars:
        advice = "Set CHECKPOINT_KEY before the first campaign: under a key, rows written without one are refused."
        return note("not set: checkpoints are stored unencrypted", advice)
    try:
        Codec("x" * around.checkpoint_key_chars)
    except SettingRefused as refused:
        advice = f"Give it {MIN_KEY_CHARS} characters or more, and install the extra: uv sync --extra encryption"
        return wrong(str(refused), advice)
    return ok("set: checkpoints are encrypted")


def check_model_key(around: Surroundings) -> Finding:
    """A service without a model works, by rules alone."""
    if around.has_model_key:
        return ok("set")
    return note("not set: plans and drafts are the defaults, and say so", "Set DEEPSEEK_API_KEY to have a model write.")


def check_model_host(around: Surroundings) -> Finding:
    """The settings let prompts go to DeepSeek and to loopback only; which of them it is matters to a person."""
    host = split(around.model_url).hostname or ""
    if is_loopback(host):
        return note(f"{host}: a model on this machine", "For DeepSeek leave DEEPSEEK_BASE_URL unset.")
    return ok(host)


def check_kill_switch(around: Surroundings) -> Finding:
    """The switch is for emergencies, and one that was forgotten looks like a model that is down."""
    if around.models_are_off:
        return note("on: no model is asked on any path", "Set LLM_KILL_SWITCH=false when models may be asked again.")
    return ok("off")


def check_flags(around: Surroundings) -> Finding:
    """The environment's defaults; a stored row overrides each of them."""
    flags = around.flags
    coach, roles = (_on(switch) for switch in (flags.campaign_coach_enabled, flags.orchestrator_role_plan))
    return ok(f"CAMPAIGN_COACH_ENABLED {coach}, ORCHESTRATOR_ROLE_PLAN {roles}")


def check_cron_secret(around: Surroundings) -> Finding:
    """Whoever holds the secret can wake the service, so it must not be guessed, and a rotation must have an end."""
    new = f"Make one of {MIN_SECRET_CHARS} characters or more: openssl rand -base64 32"
    if not around.cron_secret_chars and not around.previous_cron_secret_chars:
        return note("not set: POST /cron/resume takes a token with the role cron", new)
    if around.cron_secrets_are_equal:
        return wrong("CRON_SECRET_PREVIOUS is the same: nothing was rotated", f"Give CRON_SECRET a new value. {new}")
    if not around.cron_secret_chars:
        return wrong("CRON_SECRET is not set, and the previous one still opens the door", f"Set CRON_SECRET. {new}")
    if min(around.cron_secret_chars, around.previous_cron_secret_chars or MIN_SECRET_CHARS) < MIN_SECRET_CHARS:
        return note(f"set, with fewer than {MIN_SECRET_CHARS} characters", new)
    if around.previous_cron_secret_chars:
        return note("set, and the previous one is still good", "Unset CRON_SECRET_PREVIOUS when the rotation is over.")
    return ok("set")


def check_mail(around: Surroundings) -> Finding:
    """Approved emails go to a provider, or become files in a folder; nothing is sent to find out."""
    if around.outbox_dir:
        return _look_at_outbox(around)
    return _look_at_smtp(around, around.smtp) if around.smtp else _look_at_resend(around)


def check_hours(around: Surroundings) -> Finding:
    """A mailbox without a cap is one that a backlog leaves at once."""
    rules = around.rules
    caps = (rules.mailbox_cap_a_day, rules.mailbox_cap_an_hour)
    day, hour = (f"{cap or 'any number'} {period}" for cap, period in zip(caps, ("a day", "an hour"), strict=True))
    found = f"{tell_days(rules.days)} {rules.hours} where the contact is; a mailbox sends {day} and {hour}"
    if not any(caps):
        return note(found, "Set MAILBOX_CAP_A_DAY or MAILBOX_CAP_AN_HOUR: a burst of mail is what filters look for.")
    if not knows_holidays():
        return note(f"{found}; no holiday is known", "Where campaigns name a country: uv sync --extra holidays")
    return ok(found)


def check_unsubscribe(around: Surroundings) -> Finding:
    """Recipients and their mail programs expect a link; it must be reached from anywhere, and nobody else may make one."""
    new = "Make one: openssl rand -base64 32"
    lengths = (around.unsubscribe_secret_chars, *around.earlier_unsubscribe_secrets_chars)
    if not around.public_url and not any(lengths):
        return note(
            "not set: emails bear no link to unsubscribe", "Set PUBLIC_URL to this service's address, and UNSUBSCRIBE_SECRET."
        )
    if not around.unsubscribe_secret_chars:
        return wrong("UNSUBSCRIBE_SECRET is not set, and signs the links", new)
    if min(lengths) < UNSUBSCRIBE_SECRET_CHARS:
        return wrong(f"a secret of links has fewer than {UNSUBSCRIBE_SECRET_CHARS} characters", new)
    if not around.public_url:
        return note("PUBLIC_URL is not set: links in earlier emails work, and no new ones are made", "Set PUBLIC_URL.")
    host = split(around.public_url).hostname or ""
    if is_loopback(host) or "." not in host:
        return note(
            f"links lead to {host}, which recipients cannot reach", "Set PUBLIC_URL to an address that the world can reach."
        )
    return ok(f"links under {around.public_url}")


def _look_at_smtp(around: Surroundings, server: SmtpServer) -> Finding:
    """Beyond this machine a server is known by the name in its certificate, and takes mail from who logs in."""
    if is_loopback(server.host):
        return ok(around.mail)
    if not _DNS_NAME.fullmatch(server.host):
        return note(f"{around.mail}: no certificate names {server.host}", "Give MAIL_URL the server's full DNS name.")
    if not server.user:
        return note(
            f"{around.mail}, without a login", "If the server asks for one, put USER:PASSWORD@ before its name in MAIL_URL."
        )
    if not around.knows_sent_folder:
        return note(f"{around.mail}; what it delivered cannot be looked up", "Set MAIL_SENT_URL for `agentic-sales reconcile`.")
    return ok(around.mail)


def _look_at_resend(around: Surroundings) -> Finding:
    if not around.mail_key_chars:
        return wrong("RESEND_API_KEY is not set, and MAIL_URL names Resend", "Set RESEND_API_KEY to a key that may send.")
    if around.mail_key_chars < MIN_MAIL_KEY_CHARS:
        found = f"RESEND_API_KEY has {around.mail_key_chars} characters, fewer than a key of Resend"
        return note(found, "See that RESEND_API_KEY is the whole key.")
    return ok(around.mail)


def _look_at_outbox(around: Surroundings) -> Finding:
    """The first send makes the folder; a nameless file shows whether it can."""
    if around.is_in_container:
        return wrong(f"OUTBOX_DIR {OUTBOX_IN_CONTAINER}", RUN_ELSEWHERE)
    folder = Path(around.outbox_dir).absolute()
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        found = f"{around.outbox_dir} cannot be written to: {error.strerror}"
        return wrong(found, "Set OUTBOX_DIR to a folder that this user may write to, or MAIL_URL to a provider.")
    return ok(
        f"{around.outbox_dir} can be written to" if nearest == folder else f"{around.outbox_dir} is made by the first send"
    )


CHECKS: Final[Mapping[str, Callable[[Surroundings], Finding]]] = {
    "log level": check_log_level,
    "D1 token": check_d1_token,
    "checkpoint key": check_checkpoint_key,
    "model key": check_model_key,
    "model host": check_model_host,
    "kill switch": check_kill_switch,
    "flags": check_flags,
    "cron secret": check_cron_secret,
    "mail": check_mail,
    "hours": check_hours,
    "unsubscribe": check_unsubscribe,
}


def _on(switch: bool) -> str:  # noqa: FBT001  # a flag's value, not a mode
    return "on" if switch else "off"
