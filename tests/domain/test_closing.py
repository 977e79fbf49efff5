"""An email is signed once and offers one way out, whoever tried to end it before."""

import pytest
from hypothesis import given

from backend.domain.closing import OPT_OUT_LINE, close, without_closing
from tests.strategies import any_text

BODY = "Hello Ada,\n\nthree days are a long close. Shall we talk?"


@pytest.mark.req("TEXT-R7")
@pytest.mark.parametrize(
    "ending",
    [
        *(
            "Best regards,\nBen Ortiz",
            "Kind regards\nBen",
            "Best,\nBen Ortiz\nSales, Vendor",
            "Best regards, Ben Ortiz",
            "Cheers!",
        ),
        *(
            "Mit freundlichen Grüßen\nBen Ortiz",
            "Cordialement,\nBen",
            "Saludos,\n\nBen Ortiz",
            "— Ben",
            "Ben Ortiz",
            "--\nBen Ortiz",
        ),
        *(
            "Best,\n[Your Name]",
            OPT_OUT_LINE,
            f"Best regards,\nBen Ortiz\n\n{OPT_OUT_LINE}",
            "Reply with unsubscribe to opt out.",
        ),
        *(f"{OPT_OUT_LINE}\n\nThanks,\nBen", "Best,\nBen\n\nBest regards,\nBen Ortiz"),
    ],
    ids=repr,
)
def test_what_a_model_ended_with_is_not_added_to(ending: str) -> None:
    """Its signature and its way out make room for the rule's."""
    assert without_closing(f"{BODY}\n\n{ending}", "Ben Ortiz") == BODY
    assert close(f"{BODY}\n\n{ending}", "Ben Ortiz") == f"{BODY}\n\nBest regards,\nBen Ortiz\n\n{OPT_OUT_LINE}"


@pytest.mark.req("TEXT-R7")
@pytest.mark.parametrize(
    "body",
    [
        BODY,
        "Hello Ada,\n\nyou asked to unsubscribe, and nobody here will write again.",
        "Best regards are what I send first.\n\nWhat do you think?",
        "Thank you,\nbut is there a better day?",
        "Ben",
        "Thanks to Ben Ortiz the close is short.",
    ],
    ids=repr,
)
def test_words_that_are_no_ending_stay(body: str) -> None:
    """What the email says is not taken for how it ends."""
    assert without_closing(body, "Ben Ortiz") == body


@pytest.mark.req("TEXT-R7")
@given(any_text)
def test_closing_twice_is_closing_once(body: str) -> None:
    """Whatever the text."""
    closed = close(f"Hello {body}", "Ben Ortiz")
    assert close(closed, "Ben Ortiz") == closed
