"""One examination: the settings as they are read, then the database they name, then the rest of the configuration."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from time import perf_counter
from typing import Final

from backend.d1.remote import HttpPolicy
from backend.d1.statements import Database
from backend.desk import Surroundings, SystemClock, look_around, open_configured_database
from backend.doctor import configuration, model
from backend.doctor.database import Subject, examine_database
from backend.doctor.findings import Report, ok, wrong
from backend.doctor.places import name_database
from backend.errors import DatabaseUnreachable, SettingRefused
from backend.ports import Clock
from backend.wiring import make_deepseek

PATIENCE: Final = HttpPolicy(tries=2, deadline_s=10)
"""Somebody waits for the report: one lost connection is forgiven, and a server that says nothing is left after 10 s."""

_CORRECT: Final = "Correct the variable, in the environment or in .env; .env.example explains each."
_SEE_FILE: Final = "See that D1_URL names a file that this user may write to."
_MAKE_FILE: Final = "Run `agentic-sales migrate`, which makes it; `agentic-sales serve` does so by itself."


async def examine(
    overrides: Mapping[str, object] | None = None,
    *,
    opening: AbstractAsyncContextManager[Database] | None = None,
    clock: Clock | None = None,
    stopwatch: Callable[[], float] = perf_counter,
    probe: bool = False,
) -> Report:
    """Say of the configuration and of its database what is right, what is worth knowing, and what is wrong.

    Writes nothing that stays, sends no email and asks no model; `probe` lets it ask one once. `overrides` are settings by name
    that take precedence over the environment; `opening` replaces the database they name.
    """
    try:
        around = look_around(overrides)
        async with make_deepseek(overrides, clock=clock) as make_llm:
            asked = {model.CHECK: await model.probe_model(make_llm, stopwatch)} if probe else {}
    except SettingRefused as refused:
        return {"settings": wrong(str(refused), _CORRECT)}
    opening = opening or open_configured_database(overrides, policy=PATIENCE)
    database = await _examine_database(around, opening, clock or SystemClock(), stopwatch)
    rest = {name: check(around) for name, check in configuration.CHECKS.items()}
    return {"settings": ok("every variable can be read"), **database, **rest, **asked}


async def _examine_database(
    around: Surroundings, opening: AbstractAsyncContextManager[Database], clock: Clock, stopwatch: Callable[[], float]
) -> Report:
    if (file := around.database_file) and not file.exists():
        return {"database": wrong(f"there is no file {file}", _MAKE_FILE)}
    try:
        async with opening as database:
            place, limits = name_database(around.d1_url), around.attendance_limits
            mailbox = around.smtp.user if around.smtp else ""
            return await examine_database(Subject(database, place, clock, stopwatch, limits, mailbox))
    except SettingRefused as refused:
        return {"database": wrong(str(refused), _CORRECT)}
    except DatabaseUnreachable as unreachable:
        return {"database": wrong(str(unreachable), _SEE_FILE)}
