"""Who may not be written to: an address under any spelling, and a contact under any flag."""

import hashlib
import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.campaign import Contact, Dossier
from backend.domain.suppression import CONTACT_FLAGS, ContactFlag, address_sha256, normalise_address, reason_blocked
from tests.strategies import any_text, thorough

ADA = "ada.lovelace@example.com"


@pytest.mark.req("AA06-R7")
@pytest.mark.parametrize(
    ("suppressed", "written"),
    [
        *(
            (ADA, spelling)
            for spelling in ("Ada.Lovelace@Example.COM", f"  {ADA}\r\n", f"\u00a0{ADA}\u3000", f"{ADA}.", f"{ADA}。")
        ),
        *((ADA, f"ada.lovelace@example{dot}com") for dot in ("\u3002", "\uff0e", "\uff61")),
        (ADA, "ａｄａ.ｌｏｖｅｌａｃｅ＠ｅｘａｍｐｌｅ．ｃｏｍ"),  # noqa: RUF001  # full-width letters are the subject
        (ADA, "ada\u200b.lovelace@exam\u00adple.com\u200e"),
        ("kurt@müller.example", "Kurt@MÜLLER.example"),
        ("kurt@müller.example", "kurt@mu\u0308ller.example"),
        ("kurt@müller.example", "kurt@xn--mller-kva.example"),
        ("kurt@xn--mller-kva.example", "kurt@XN--MLLER-KVA.EXAMPLE"),
        ("kurt@straße.example", "kurt@xn--strae-oqa.example"),
        ("kurt@straße.example", "kurt@STRASSE.example"),
        ("yuki@例え.example", "yuki@xn--r8jz45g.example"),
        ("jose\u0301@example.com", "josé@example.com"),
    ],
)
def test_every_spelling_of_a_suppressed_address_is_suppressed(suppressed: str, written: str) -> None:
    """The hash is of the address, not of how somebody typed it."""
    assert address_sha256(written) == address_sha256(suppressed)


@pytest.mark.req("AA06-R7")
@pytest.mark.parametrize(
    "other",
    ["ada.lovelace@example.org", "adalovelace@example.com", "ada.lovelace+news@example.com", "ada.lovelace@mail.example.com"],
)
def test_another_address_is_another_hash(other: str) -> None:
    """Suppressing one address leaves its neighbours alone."""
    assert address_sha256(other) != address_sha256(ADA)


@pytest.mark.req("AA06-R7")
def test_the_hash_is_plain_sha256_of_the_normal_form() -> None:
    """64 hexadecimal digits that anybody can compute, so a list can be brought along from elsewhere."""
    assert address_sha256(f" {ADA.upper()} ") == hashlib.sha256(ADA.encode()).hexdigest()
    assert re.fullmatch(r"[0-9a-f]{64}", address_sha256(""))


@pytest.mark.req("AA06-R7")
@thorough
@given(any_text, st.lists(any_text, max_size=4).map(".".join), st.sampled_from(["", "xn--"]))
def test_the_normal_form_of_anything_is_its_own_normal_form(local: str, host: str, prefix: str) -> None:
    """Whatever stands in the place of an address has one normal form, and nothing is raised on the way to it."""
    normal = normalise_address(f"{local}@{prefix}{host}")
    assert normalise_address(normal) == normal
    assert address_sha256(normal) == address_sha256(f"  {local}@{prefix}{host} ")


@pytest.mark.req("AA06-R8")
@pytest.mark.parametrize("flags", list(product([False, True], repeat=4)))
@pytest.mark.parametrize("suppressed", [False, True])
@pytest.mark.parametrize("answering", [False, True])
def test_any_flag_blocks_and_the_first_reason_is_named(flags: tuple[bool, ...], *, suppressed: bool, answering: bool) -> None:
    """All 64 standings: nobody who is on the list or flagged is written to, but who wrote to us is answered."""
    raised = [flag for flag, up in zip(CONTACT_FLAGS, flags, strict=True) if up and not (answering and flag == "replied")]
    reasons = [*(["suppressed"] if suppressed else []), *raised, None]
    assert reason_blocked(dossier(flags, suppressed=suppressed), answering=answering) == reasons[0]


def dossier(flags: tuple[bool, ...], *, suppressed: bool) -> Dossier:
    """A dossier in which only the standing matters."""
    standing: dict[ContactFlag, bool] = dict(zip(CONTACT_FLAGS, flags, strict=True))
    contact = Contact(
        contact_id="ada", company_id=None, address=ADA, name="Ada Lovelace", title="", time_zone=None,
        do_not_contact=standing["do_not_contact"], bounced=standing["bounced"],
        unsubscribed=standing["unsubscribed"], replied=standing["replied"],
    )  # fmt: skip
    return Dossier(contact=contact, company=None, facts=[], history=[], memories=[], suppressed=suppressed)
