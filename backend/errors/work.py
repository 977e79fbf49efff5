"""Failures while a run works: of the model, the run itself, the mail."""

from datetime import datetime, timedelta
from typing import Literal

from backend.errors.base import AgenticSalesError
from backend.errors.requests import Conflict


class ModelUnavailable(AgenticSalesError):
    """No usable answer could be had from the model; callers fall back to their deterministic default.

    `why` is the reason alone: it holds no key, and no word of a prompt or of an answer.
    """

    status = 503

    def __init__(self, sentence: str, why: str) -> None:
        super().__init__(f"{sentence}: {why}.")
        self.why = why


class ModelSwitchedOff(ModelUnavailable):
    """No request was made, because none may be."""

    def __init__(self, why: str) -> None:
        super().__init__("No model was asked", why)


class ModelCallFailed(ModelUnavailable):
    """The request was made and got no answer in time, or an error."""

    def __init__(self, why: str) -> None:
        super().__init__("The model call failed", why)


class ModelAnswerUnusable(ModelUnavailable):
    """The model answered, and the answer is not what was asked for.

    It took what any answer takes: tokens are counts, `cost_usd` is US dollars, 0 where the answer does not say.
    """

    def __init__(  # noqa: PLR0913  # one argument a fact
        self,
        why: str,
        *,
        words: str = "",
        model: str = "unknown",
        input_tokens: int = 0,
        output_tokens: int = 0,
        cost_usd: float = 0.0,
    ) -> None:
        super().__init__("The model's answer is not usable", why)
        self.words = words
        self.model = model
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        self.cost_usd = cost_usd


class ThreadEnded(Conflict):
    """The thread has come to its end, so there is nothing to stop."""

    def __init__(self, thread_id: str, status: str) -> None:
        super().__init__(f"Thread '{thread_id}' is {status} already. Nothing was written.")
        self.facts = {"thread_status": status}


class LeaseLost(AgenticSalesError):
    """Another worker holds the thread now; what this run collected was not written."""

    def __init__(self, thread_id: str) -> None:
        super().__init__(f"The lease on thread '{thread_id}' was lost; nothing of this run was written.")


class RunOverBudget(AgenticSalesError):
    """A run took more steps or more time than an honest run takes; what its graph did was not stored."""

    status = 503

    def __init__(self, thread_id: str, budget: str) -> None:
        super().__init__(f"The run of thread '{thread_id}' went over its budget of {budget}; its state was not stored.")


class CheckpointMismatch(AgenticSalesError):
    """The stored graph does not wait with the draft that was decided; nothing was run."""

    status = 409

    def __init__(self, thread_id: str, draft_id: str) -> None:
        super().__init__(f"Thread '{thread_id}' does not wait with draft '{draft_id}'; nothing was run.")


class MailError(AgenticSalesError):
    """An email did not demonstrably leave."""

    status = 503


class MailRefused(MailError):
    """The provider said a definite no: the email was not delivered and will not be."""

    def __init__(self, provider: str, why: str) -> None:
        super().__init__(f"{provider} refused the email: {why}. It was not delivered.")


class ArrivalDiffers(MailRefused):
    """A mail program would read another text than was approved; nothing was handed to a provider."""

    def __init__(self, part: str) -> None:
        super().__init__("This service", f"its {part} would not be read as it was approved")


class MailPostponed(MailError):
    """The provider takes no email just now: this one was not delivered, and may be handed over again.

    `retry_after` is how long it asks to be left alone; None where it does not say.
    """

    def __init__(self, provider: str, why: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(f"{provider} takes no email just now: {why}. It was not delivered, and is tried again.")
        self.retry_after = retry_after


class MailOutcomeUnknown(MailError):
    """The connection ended before the provider's answer: the email may or may not have left."""

    def __init__(self, provider: str, why: str) -> None:
        super().__init__(f"{provider} gave no clear answer: {why}. The email may have left; it is not sent blindly again.")


class DeliveriesUnread(MailError):
    """A provider did not tell what it has delivered; nothing was written, and nothing was compared."""

    def __init__(self, provider: str, why: str) -> None:
        super().__init__(f"{provider} did not tell what it has delivered: {why}. Nothing was written.")


class ApprovalMissing(AgenticSalesError):
    """The draft is not approved with exactly this text, so nothing was handed to the mailer."""

    status = 409

    def __init__(self, thread_id: str, step: int) -> None:
        super().__init__(f"Touch {step + 1} of thread '{thread_id}' was not sent: this text is not what a person approved.")


class SendRefused(AgenticSalesError):
    """The contact may not be written to any more, so nothing was handed to the mailer."""

    status = 409

    def __init__(self, thread_id: str, step: int, why: str) -> None:
        super().__init__(f"Touch {step + 1} of thread '{thread_id}' was not sent: {why}.")
        self.why = why


class SendNeedsPerson(MailOutcomeUnknown):
    """An earlier attempt may have left, and its provider cannot be asked again without risk; a person must look."""

    def __init__(self, thread_id: str, step: int, provider: str) -> None:
        super().__init__(
            provider or "An unknown provider",
            f"touch {step + 1} of thread '{thread_id}' was attempted before, elsewhere or outside the window for repeats",
        )


Cause = Literal["window", "cap", "gap"]
"""A touch waits for its hour, for a place under a cap, or until its reader has been left alone for long enough."""


class SendDeferred(AgenticSalesError):
    """The touch may not leave yet: it keeps its approval and its attempts, and nothing was handed to the mailer.

    `queue` names the cap whose places it waits for, with others.
    """

    status = 503

    def __init__(self, until: datetime, why: str, *, cause: Cause | None = None, queue: str | None = None) -> None:
        super().__init__(f"Not sent yet: {why}.")
        self.until = until
        self.cause: Cause | None = cause
        self.queue = queue


class TouchHeldBack(AgenticSalesError):
    """The ledger gave no claim, because the hour has not come or no place is free; nothing was written.

    `free_at` is when that may be otherwise; `ahead` counts those that wait in the same `queue`.
    """

    status = 503

    def __init__(self, cause: Cause, free_at: datetime, *, queue: str | None = None, ahead: int = 0) -> None:
        super().__init__(f"The touch may not leave now: its {cause} says no.")
        self.cause: Cause = cause
        self.free_at = free_at
        self.queue = queue
        self.ahead = ahead


class SetAside(AgenticSalesError):
    """The thread waits for a person's word, with all that it has; nothing was composed and nothing handed to the mailer."""

    status = 409

    def __init__(self, why: str) -> None:
        super().__init__(f"It waits for a person's word: {why}.")


class AskedAgain(AgenticSalesError):
    """The approved draft is not what stands now, so it waits for a person again; nothing was handed to the mailer."""

    status = 409

    def __init__(self, why: str) -> None:
        super().__init__(f"The draft waits for a person again: {why}.")
