"""Every deliberate failure of the service, as one tree.

A class is named after a past fact, is built from facts, and writes its own sentence: what happened, what was not written,
what to do. `status` is the HTTP status under which the API answers it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar


class AgenticSalesError(Exception):
    """Something this service refuses or failed to do, and can say why."""

    status: ClassVar[int] = 500
    is_internal: ClassVar[bool] = False
    """Whether the sentence speaks of statements and rows, which are nobody's business outside; the log has it."""


def public_sentence(error: BaseException) -> str:
    """Return what may be shown and stored of `error`: its own sentence, unless that could quote a statement or a row."""
    if not isinstance(error, AgenticSalesError):
        return f"Something unforeseen happened ({type(error).__name__}); the log says where."
    return sentence_of(type(error)) if error.is_internal else str(error)


def sentence_of(error: type[AgenticSalesError]) -> str:
    """Return what the class says of itself, in one sentence."""
    return (error.__doc__ or "").split("\n", 1)[0]


# Settings and start-up


class SettingRefused(AgenticSalesError):
    """An environment variable holds a value the service does not start with."""

    def __init__(self, variable: str, why: str) -> None:
        super().__init__(f"{variable} {why}. Nothing was started; correct the variable and start again.")
        self.variable = variable


# Requests


class NotFound(AgenticSalesError):
    """A request names something that does not exist; nothing was written."""

    status = 404


class UnknownCampaign(NotFound):
    """No campaign has this id."""

    def __init__(self, campaign_id: str) -> None:
        super().__init__(f"There is no campaign '{campaign_id}'. Nothing was written; create it with POST /campaigns.")


class UnknownContact(NotFound):
    """No contact has this id."""

    def __init__(self, contact_id: str) -> None:
        super().__init__(f"There is no contact '{contact_id}'. Nothing was written; add it with POST /contacts.")


class UnknownThread(NotFound):
    """The contact is not enrolled in the campaign."""

    def __init__(self, campaign_id: str, contact_id: str) -> None:
        super().__init__(f"Contact '{contact_id}' is not enrolled in campaign '{campaign_id}'.")


class UnknownDraft(NotFound):
    """No draft has this id."""

    def __init__(self, draft_id: str) -> None:
        super().__init__(f"There is no draft '{draft_id}'. Nothing was decided.")


class UnknownToken(NotFound):
    """No token has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no token '{name}'. Nothing was revoked; `agentic-sales tokens list` shows the names.")


class Conflict(AgenticSalesError):
    """A request came too late or was made before; nothing was written by it."""

    status = 409


class CampaignDiffers(Conflict):
    """A campaign with this id and another content exists."""

    def __init__(self, campaign_id: str) -> None:
        super().__init__(
            f"Campaign '{campaign_id}' exists with another content. Nothing was written; "
            "a campaign never changes, so choose another id.",
        )


class TokenNameTaken(Conflict):
    """A live token has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"A live token is named '{name}'. Nothing was created; revoke it first, or choose another name.")


class DraftAlreadyDecided(Conflict):
    """Somebody decided this draft before."""

    def __init__(self, draft_id: str, decision: str, decided_by: str, decided_at: str) -> None:
        super().__init__(f"Draft '{draft_id}' was decided before: {decision} by {decided_by} at {decided_at}.")
        self.facts = {"decision": decision, "decided_by": decided_by, "decided_at": decided_at}


class DraftVersionStale(Conflict):
    """The decision names another version than the one that waits."""

    def __init__(self, draft_id: str, version: int, current_version: int) -> None:
        super().__init__(
            f"Draft '{draft_id}' is version {current_version}, and the decision is for version {version}. "
            "Nothing was decided; read the draft again.",
        )
        self.facts = {"version": version, "current_version": current_version}


class DraftNoLongerWaits(Conflict):
    """The draft's thread moved on without it."""

    def __init__(self, draft_id: str, status: str) -> None:
        super().__init__(f"Draft '{draft_id}' no longer waits: its thread is {status}. Nothing was decided.")


class DraftWithdrawn(Conflict):
    """The draft was taken back, because its contact may not be written to."""

    def __init__(self, draft_id: str, why: str) -> None:
        super().__init__(f"Draft '{draft_id}' was withdrawn, and its thread has ended: {why}. Nothing was decided.")
        self.facts = {"why": why}


class AddresseeChanged(Conflict):
    """The recipient or the sender is not the one the draft was written for."""

    def __init__(self, draft_id: str, written_for: str, recipient_now: str) -> None:
        super().__init__(
            f"Draft '{draft_id}' was written for {written_for}, and its addressee changed since. Nothing was decided; read "
            f'the draft again, and send "recipient": "{recipient_now}" with the decision when that is right.',
        )
        self.facts = {"written_for": written_for, "recipient_now": recipient_now}


class DraftNotReady(Conflict):
    """The text holds what must not be sent unseen."""

    def __init__(self, draft_id: str, faults: Sequence[str]) -> None:
        super().__init__(
            f"Draft '{draft_id}' is not ready to be sent: {'; '.join(faults)}. Nothing was decided; edit it, or send "
            '"override": true with the decision when it is meant so.',
        )
        self.facts = {"faults": list(faults)}


class DraftKept(Conflict):
    """No new version could be written, so the one that was there waits still."""

    def __init__(self, draft_id: str, why: str) -> None:
        super().__init__(
            f"Draft '{draft_id}' waits as it was: {why} Try again later, or send \"accepts_default\": true for the text that "
            "needs no model.",
        )


class TooManyVersions(Conflict):
    """A touch has as many versions as it may have."""

    def __init__(self, draft_id: str, max_versions: int) -> None:
        super().__init__(
            f"Draft '{draft_id}' is version {max_versions}, the last one a touch may have. "
            "Nothing was decided; edit, approve, reject or stop it.",
        )


class ThreadNotParked(Conflict):
    """Only a thread that was given up can be put back, and this one was not."""

    def __init__(self, thread_id: str, status: str) -> None:
        super().__init__(f"Thread '{thread_id}' is {status}, not parked, so there is nothing to put back. Nothing was written.")
        self.facts = {"thread_status": status}


class BadRequest(AgenticSalesError):
    """A request cannot be understood as it stands; nothing was written."""

    status = 422


class BodyTooLarge(AgenticSalesError):
    """The body is larger than this route takes; nothing of it was parsed, and nothing was written."""

    status = 413

    def __init__(self, most_bytes: int) -> None:
        super().__init__(f"This route takes a body of at most {most_bytes} bytes. Nothing was written; send less at a time.")
        self.facts = {"max_body_bytes": most_bytes}


class BodyIncomplete(AgenticSalesError):
    """The body did not arrive whole in time; nothing was written."""

    status = 408

    def __init__(self, within_s: float) -> None:
        super().__init__(f"The body did not arrive whole within {within_s:g} s. Nothing was written; send it again.")


# Who asks


class TokenMissing(AgenticSalesError):
    """The request carries no token this service knows, or one that ran out or was revoked."""

    status = 401

    def __init__(self) -> None:
        super().__init__("Send a valid bearer token: Authorization: Bearer … Make one with `agentic-sales tokens create`.")


class RoleForbidden(AgenticSalesError):
    """The token is good, and its role may not do this."""

    status = 403

    def __init__(self, role: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"The role '{role}' may not do this; it takes {' or '.join(allowed)}. Nothing was written.")


# The model


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


# Runs


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


# Mail


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


class MailOutcomeUnknown(MailError):
    """The connection ended before the provider's answer: the email may or may not have left."""

    def __init__(self, provider: str, why: str) -> None:
        super().__init__(f"{provider} gave no clear answer: {why}. The email may have left; it is not sent blindly again.")


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


class SendDeferred(AgenticSalesError):
    """The touch may not leave yet: it keeps its approval and its attempts, and nothing was handed to the mailer."""

    status = 503

    def __init__(self, until: datetime, why: str) -> None:
        super().__init__(f"Not sent yet: {why}.")
        self.until = until


class AskedAgain(AgenticSalesError):
    """What was approved is not what stands now, so the draft waits for a person again; nothing was handed to the mailer."""

    status = 409

    def __init__(self, why: str) -> None:
        super().__init__(f"The draft waits for a person again: {why}.")


# The database


class DatabaseError(AgenticSalesError):
    """The database did not do what was asked; a batch is all or nothing, so none of it was written unless said otherwise."""

    status = 503


class StatementRefused(DatabaseError):
    """A statement breaks a limit or rule of D1; nothing was sent."""

    is_internal = True

    def __init__(self, limit: str, found: str) -> None:
        super().__init__(f"D1 does not take this statement: {limit}; found {found}. Nothing was sent.")


class StatementFailed(DatabaseError):
    """D1 ran the batch and refused it; all of it was rolled back. Never retried."""

    is_internal = True

    def __init__(self, message: str) -> None:
        super().__init__(f"D1 refused the batch and rolled it back: {message}")
        self.message = message


class RequestNotTaken(StatementFailed):
    """The server turned the request away and ran none of it. Never retried."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.args = (f"The database turned the request away ({why}): {message}. Nothing was run.",)


class DatabaseUnreachable(DatabaseError):
    """No clear answer came back after the allowed tries; the batch may have been applied, and is safe to send again."""

    def __init__(self, what: str, tries: int) -> None:
        super().__init__(f"The database gave no clear answer in {tries} tries: {what}. The same batch may be sent again.")


class DatabaseUnwritable(DatabaseError):
    """The database has no room or no right to write; nothing of the batch was written, and it may be sent again later."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The database cannot write: {why}. Nothing was written; make room for it, then the work goes on.")


class ClockDiffers(DatabaseError):
    """This host's clock and the database's are too far apart, so this host sends nothing."""

    def __init__(self, off_s: float) -> None:
        where = "ahead of" if off_s > 0 else "behind"
        super().__init__(
            f"This host's clock is {abs(off_s):.0f} s {where} the database's. Nothing is sent from here until they agree to "
            "30 s; set it by NTP."
        )


class DatabaseFileRefused(DatabaseUnreachable):
    """The embedded database's path cannot be opened as a database; nothing was written."""

    def __init__(self, path: str, why: str) -> None:
        DatabaseError.__init__(
            self,
            f"The database {path} cannot be opened: {why}. Nothing was written; "
            "set D1_URL=sqlite:///PATH to a database, or to a new file in a folder that may be written to.",
        )


class DatabaseMissing(DatabaseError):
    """The embedded database has no file yet, and the command makes none; nothing was done."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"There is no database {path}. Nothing was done; run the command where the service runs, or set D1_URL. "
            "`agentic-sales migrate` makes a new one, and so does `agentic-sales serve`.",
        )


class NotMigrated(DatabaseError):
    """The database lacks migrations of this version."""

    def __init__(self, missing: str) -> None:
        super().__init__(f"The database lacks the migrations {missing}. Run `agentic-sales migrate`.")


class BatchesNotAtomic(DatabaseError):
    """The database may keep half of a batch, so a run could be stored in half; it is not used."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The database has not shown that its batches are atomic: {why}. Nothing was started; "
            "reach it through the bridge Worker instead (D1_URL=https://…), whose batches are transactions.",
        )
        self.why = why


class CheckpointTampered(DatabaseError):
    """A checkpoint row does not read as one this service wrote; nothing was run."""

    is_internal = True

    def __init__(self, thread_id: str, what: str) -> None:
        super().__init__(f"A checkpoint of thread '{thread_id}' was refused: {what}. Nothing was run.")


class ThreadMovedOn(DatabaseError):
    """Another run committed a checkpoint to the thread since this one read it."""

    status = 409

    def __init__(self, thread_id: str) -> None:
        super().__init__(f"Thread '{thread_id}' moved on since this run read it; this call wrote nothing.")


class FilterRefused(BadRequest):
    """A metadata filter names a key that could not have been stored under that name."""

    def __init__(self, key: str) -> None:
        super().__init__(f"The metadata key {key!r} may only have letters, digits and underscores. Nothing was read.")
