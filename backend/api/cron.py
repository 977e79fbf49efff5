"""The cron trigger: resume what is due, at once or while the caller waits."""

import asyncio
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Annotated, Any, Literal, Protocol

import structlog
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse

from backend.api.operations import operation
from backend.api.security import GuardedRoute
from backend.sweeps import RunReport, SweepReport

router = APIRouter(prefix="/cron", tags=["cron"], route_class=GuardedRoute)

_log = structlog.get_logger()


class Resume(Protocol):
    """The verb, as `Campaigns.resume` has it."""

    async def __call__(self, *, stop: asyncio.Event) -> SweepReport:
        """Resume due threads, many but not without bound; once `stop` is set, claim nothing more and finish what runs."""
        ...


class Sweeps:
    """Sweeps in the background: one at a time, and whatever is asked for meanwhile is one more after it."""

    def __init__(self, resume: Resume) -> None:
        self._resume = resume
        self._asked = False
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def ask(self) -> None:
        """Have everything that is due by now resumed."""
        self._asked = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._sweep(), name="sweep")

    async def sweep(self) -> SweepReport:
        """Resume everything that is due, and claim nothing more once the application is closing."""
        total = SweepReport([], took_all=False)
        while not (total.took_all or self._closing.is_set()):
            report = await self._resume(stop=self._closing)
            _log.info("sweep.resumed", **report.counts)
            total = SweepReport([*total.runs, *report.runs], report.took_all, total.left + report.left, report.absent)
        return total

    async def close(self) -> None:
        """Claim nothing more, and wait for the runs under way; they go on when whoever waits is cancelled."""
        self._closing.set()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _sweep(self) -> None:
        while self._asked and not self._closing.is_set():
            self._asked = False
            try:
                await self.sweep()
            except Exception as error:  # noqa: BLE001  # the top of a sweep: leases end by themselves and the next tick goes on
                _log.error("sweep.failed", error=type(error).__name__)  # not its words: they may quote a row


async def get_sweeps(request: Request) -> Sweeps:
    """The background sweeps of this application."""
    sweeps: Sweeps = request.app.state.sweeps
    return sweeps


@dataclass(frozen=True, slots=True)
class SweepAnswer:
    """A sweep did this: every run, and `counts` by the status they left, with `claimed`, `sent`, `failed`, `model_failures`.

    Of what was due when it began, `left` of the counts were another sweep's, and `absent` names threads that none took.
    """

    counts: dict[str, int]
    runs: list[RunReport]
    absent: list[str]


@dataclass(frozen=True, slots=True)
class SweepAccepted:
    """The sweep goes on in the background."""

    accepted: Literal[True] = True


_ANSWERS: dict[str, Any] = {"responses": {202: {"model": SweepAccepted, "description": "The sweep goes on in the background."}}}


_WAIT = (
    "true: answer 200 after the sweep, with what became of each thread. false: answer 202 now; the sweep goes on without you."
)


@router.post("/resume", response_model=SweepAnswer, **operation("cron", "operator", **_ANSWERS))
async def resume(
    sweeps: Annotated[Sweeps, Depends(get_sweeps)],
    *,
    wait: Annotated[bool, Query(description=_WAIT)] = False,
) -> SweepAnswer | JSONResponse:
    """Resume every thread that is due and every decided draft whose run was cut off; overlapping requests are harmless."""
    if wait:
        report = await sweeps.sweep()
        return SweepAnswer(report.counts, report.runs, report.absent)
    sweeps.ask()
    return JSONResponse(asdict(SweepAccepted()), HTTPStatus.ACCEPTED)
