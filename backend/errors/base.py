"""Every deliberate failure is one of these."""

from typing import ClassVar


class AgenticSalesError(Exception):
    """Something this service refuses or failed to do, and can say why."""

    status: ClassVar[int] = 500
    is_internal: ClassVar[bool] = False
    """True when the sentence speaks of statements and rows, which are nobody's business outside; the log has it."""


def public_sentence(error: BaseException) -> str:
    """Return what may be shown and stored of `error`: its own sentence, unless that could quote a statement or a row."""
    if not isinstance(error, AgenticSalesError):
        return f"Something unforeseen happened ({type(error).__name__}); the log says where."
    return sentence_of(type(error)) if error.is_internal else str(error)


def sentence_of(error: type[AgenticSalesError]) -> str:
    """Return what the class says of itself, in one sentence."""
    return (error.__doc__ or "").split("\n", 1)[0]


class SettingRefused(AgenticSalesError):
    """An environment variable holds a value the service does not start with."""

    def __init__(self, variable: str, why: str) -> None:
        super().__init__(f"{variable} {why}. Nothing was started; correct the variable and start again.")
        self.variable = variable
