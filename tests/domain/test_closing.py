"""An email is signed once and offers one way out, whoever tried to end it before."""

import pytest
from hypothesis import given

from backend.domain.closing import OPT_OUT_LINE, close, offers_opt_out, without_closing
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
        *("Met vriendelijke groet,\nBen", "Med vänliga hälsningar\nBen", "Cordiali saluti,\nBen Ortiz\nVendor S.p.A."),
        *(
            "Wenn Sie keine weiteren E-Mails möchten, antworten Sie mit „abmelden“.",
            "Pour ne plus recevoir mes messages, répondez « stop ».",
            "To opt out, reply STOP.",
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
        "Hello Ada,\n\nthank you,\nbut not this week.",
        "Hello Ada,\n\nwould you rather not hear from those who unsubscribe?",
        "Ben",
        "Thanks to Ben Ortiz the close is short.",
    ],
    ids=repr,
)
def test_words_that_are_no_ending_stay(body: str) -> None:
    """What the email says is not taken for how it ends."""
    assert without_closing(body, "Ben Ortiz") == body


@pytest.mark.req("TEXT-R7")
def test_a_postscript_stays_above_the_signature() -> None:
    """It is part of the letter, and what a model put between is taken out."""
    signed = f"{BODY}\n\nBest,\nBen\n\nP.S. Tuesday is fine too.\n\n{OPT_OUT_LINE}"
    assert without_closing(signed, "Ben Ortiz") == f"{BODY}\n\nP.S. Tuesday is fine too."


@pytest.mark.parametrize(
    ("body", "offers"),
    [
        (OPT_OUT_LINE, True),
        ("Hallo,\n\nnichts mehr von mir hören? Eine Zeile genügt: nichts mehr von mir.", True),
        ("Your unsubscribe rate is the price of a bad list.", False),
        ("May I stop by next week?", False),
    ],
)
def test_an_opt_out_line_is_known_by_what_it_offers(body: str, offers: bool) -> None:  # noqa: FBT001  # a table
    """A person may word it in another language; the word alone offers nothing."""
    assert offers_opt_out(body) is offers


@pytest.mark.req("TEXT-R7")
@given(any_text)
def test_closing_twice_is_closing_once(body: str) -> None:
    """Whatever the text."""
    closed = close(f"Hello {body}", "Ben Ortiz")
    assert close(closed, "Ben Ortiz") == closed
