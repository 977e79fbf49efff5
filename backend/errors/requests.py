"""A request may ask in vain: it names nothing, comes too late, cannot be read, or may not be made."""

from collections.abc import Sequence

from backend.errors.base import AgenticSalesError

MAX_FAULTS_SHOWN = 10
"""A text may have a fault in every line; so many of them are named."""


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


class UnknownFlag(NotFound):
    """No flag has this name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"There is no flag '{name}'; there are {' and '.join(known)}. Nothing was written.")


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


class UnknownSend(NotFound):
    """No attempt at a send has this id, or a later attempt took its place."""

    def __init__(self, send_id: str) -> None:
        super().__init__(f"There is no send '{send_id}' that stands. Nothing was written; list those that are unknown.")


class SendNotUnknown(Conflict):
    """The outcome of the send is known, so there is nothing to say of it."""

    def __init__(self, send_id: str, state: str) -> None:
        super().__init__(f"Send '{send_id}' is {state}, not unknown. Nothing was written.")
        self.facts = {"state": state}


class TokenNameTaken(Conflict):
    """A live token has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"A live token is named '{name}'. Nothing was created; revoke it first, or choose another name.")


class DraftAlreadyDecided(Conflict):
    """Somebody decided this draft before."""

    def __init__(self, draft_id: str, decision: str, decided_by: str, decided_at: str) -> None:
        super().__init__(f"Draft '{draft_id}' was decided before: {decision} by {decided_by} at {decided_at}.")
        self.facts = {"decision": decision, "decided_by": decided_by, "decided_at": decided_at}


class DraftNotDecided(Conflict):
    """The request under this key was answered before, and this draft was not decided by it."""

    def __init__(self, draft_id: str) -> None:
        super().__init__(f"Draft '{draft_id}' was not decided by the request made under this key. Decide it under another key.")


class DraftNamedTwice(Conflict):
    """The request names the draft more than once."""

    def __init__(self, draft_id: str) -> None:
        super().__init__(f"Draft '{draft_id}' stands in this request more than once, and its first decision counts.")


class DecisionUnderWay(Conflict):
    """The same request came before, and what follows from it is not done yet."""

    def __init__(self, draft_id: str) -> None:
        super().__init__(
            f"The decision on draft '{draft_id}' was made under this key, and its run is under way still. Nothing was decided "
            "twice; ask again with the same key."
        )


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


class BadRequest(AgenticSalesError):
    """A request cannot be understood as it stands; nothing was written."""

    status = 422


class KeyReused(BadRequest):
    """The idempotency key was used for another request; nothing was decided."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The key '{key}' was used for another request. Nothing was decided; choose a new key for a new request."
        )


class TextRefused(BadRequest):
    """A person's own text holds what must not leave unless it is meant so; nothing was decided."""

    def __init__(self, draft_id: str, faults: Sequence[str]) -> None:
        more = len(faults) - MAX_FAULTS_SHOWN
        shown = [*faults[:MAX_FAULTS_SHOWN], *([f"and {more} more"] if more > 0 else [])]
        super().__init__(
            f"The text for draft '{draft_id}' is not ready to be sent: {'; '.join(shown)}. Nothing was decided; change it, or "
            'send "override": true with it when it is meant so.',
        )
        self.facts = {"faults": shown}


class DraftUnfit(Conflict):
    """A draft cannot leave as it stands: no mail server would take it, or no reader read it as it was written."""

    def __init__(self, draft_id: str, why: str) -> None:
        super().__init__(f"Draft '{draft_id}' makes no email: {why} Edit it, or have it written anew.")


class DraftKept(Conflict):
    """No new version could be written, so the one that was there waits still."""

    def __init__(self, draft_id: str, why: str) -> None:
        super().__init__(
            f"Draft '{draft_id}' waits as it was: {why.rstrip('.')}. Try again later, or send "
            '"accepts_default": true for the text that needs no model.',
        )


class TooManyVersions(Conflict):
    """A touch has as many versions as may be written of it."""

    def __init__(self, draft_id: str, version: int, max_versions: int) -> None:
        super().__init__(
            f"Draft '{draft_id}' is version {version}, and from version {max_versions} on no new one is written. "
            "Nothing was decided; edit, approve, reject or stop it.",
        )


class FlagNotReleased(Conflict):
    """A flag is turned on by evidence, and there is none that fits."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} was not turned on. {why} Nothing was written; off needs no evidence.")
        self.facts = {"why": why}


class FlagFlipped(Conflict):
    """Others flipped the flag while this flip was under way, again and again."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} was flipped by others meanwhile. Nothing was written; look at it, and decide anew.")


class AttemptTaken(Conflict):
    """Another decision of the gate is on record as this attempt."""

    def __init__(self, flag: str, commit: str, attempt: int) -> None:
        super().__init__(
            f"Attempt {attempt} on {flag} at commit {commit} is on record with another verdict. Nothing was written.",
        )


class ThreadNotParked(Conflict):
    """Only a thread that was given up can be put back, and this one was not."""

    def __init__(self, thread_id: str, status: str) -> None:
        super().__init__(f"Thread '{thread_id}' is {status}, not parked, so there is nothing to put back. Nothing was written.")
        self.facts = {"thread_status": status}


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


class TokenMissing(AgenticSalesError):
    """The request carries no token this service knows, or one that ran out or was revoked."""

    status = 401

    def __init__(self) -> None:
        super().__init__("Send a valid bearer token: Authorization: Bearer … Make one with `agentic-sales tokens create`.")


class StopContested(Conflict):
    """Somebody said something else of the same scope at the same instant; nothing was written."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"Somebody said something else of {scope} at the same instant. Look how it stands, and say it again.")


class TokenLimited(AgenticSalesError):
    """The token is limited to campaigns, and this reaches beyond them."""

    status = 403

    def __init__(self) -> None:
        super().__init__("This token is limited to campaigns, and this reaches beyond any. Nothing was written.")


class RoleForbidden(AgenticSalesError):
    """The token is good, and its role may not do this."""

    status = 403

    def __init__(self, role: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"The role '{role}' may not do this; it takes {' or '.join(allowed)}. Nothing was written.")
