"""What makes an email a good one: each rule with a text that keeps it, one that does not, and one that only looks so."""

from typing import Any

import pytest

from evals.evaluators import CHECKS, rules_sha256
from evals.examples import PATHS
from tests.evals.outputs import GOOD, example, output, score_of

JAPANESE = "佐藤様\n\n" + "乾燥室の温度と湿度から、麺の乾き具合を十分ごとに予測します。" * 6 + "\n\nお話しできますでしょうか？"
LONG = f"{GOOD}\n\n{'The tours are planned at night and read in the morning. ' * 20}"
OPENING = "Hello Grace,\n\nHull is new. It is far. It is cold. It is wet.\n\n"
# metric, letter, subject, expected, kept
CASES: list[tuple[str, str, str, dict[str, Any], bool]] = [
    ("subject", GOOD, "Hi", {}, False),
    ("subject", GOOD, "x" * 51, {}, False),
    ("subject", GOOD, "x" * 50, {}, True),
    ("length", "Hello Grace,\n\nToo short?", "Hull", {}, False),
    ("length", LONG, "Hull", {}, False),
    ("length", "Hello Grace,\n\nShort is right here.", "Hull", {"words": [3, 60]}, True),
    ("length", JAPANESE, "麺", {"language": "ja"}, True),
    ("opening", f"{OPENING}{GOOD}", "Hull", {}, False),
    ("opening", "Hello Grace,\n\nDr. Marsh says “It is. It was. It will be.” of Hull. So I write.", "Hull", {}, True),
    ("one_ask", f"{GOOD}\n\nOr do you plan by hand?", "Hull", {}, False),
    ("one_ask", f"{GOOD}\n\nPlease let me know by Friday.", "Hull", {}, False),
    ("one_ask", "Hello Grace,\n\nTours are planned at night.", "Hull", {}, False),
    ("one_ask", "Hello Grace,\n\nYou asked: “Who plans? And when?” At night.", "Hull", {"asks": [0, 0]}, True),
    ("one_ask", "Hello Grace,\n\nTours are planned at night. Let me know whether that helps.", "Hull", {}, True),
    ("one_ask", JAPANESE, "麺", {"language": "ja"}, True),
    ("signature", f"Best,\nMira Stone\n\n{GOOD}", "Hull", {}, False),
    ("signature", f"{GOOD} Mira Stone of Routewise wrote this.", "Hull", {}, True),
    ("no_stock", f"I hope this finds you well.\n\n{GOOD}", "Hull", {}, False),
    ("no_stock", f"Ich hoffe, diese E-Mail erreicht Sie.\n\n{GOOD}", "Hull", {}, False),
    ("no_stock", f"{GOOD} Your blog says “a seamless night”.", "Hull", {}, True),
    ("signal", GOOD, "Hull", {"must_use": ["vineyard", "hULL"]}, True),
    ("signal", GOOD, "Hull", {"must_use": ["vineyard"]}, False),
    ("signal", GOOD, "Hull", {"must_use": []}, True),
    ("language", GOOD, "Hull", {"language": "de"}, False),
    ("language", f"{GOOD}\n\nYour blog says „Das ist der Tag, an dem wir nicht mehr von Hand planen“.", "Hull", {}, True),
    ("language", JAPANESE, "麺", {"language": "ja"}, True),
    ("sure", GOOD, "Hull", {"better_not": ["half-empty"]}, False),
    ("sure", GOOD, "Hull", {"better_not": ["may close"]}, True),
]


@pytest.mark.req("EVALS-R9", "EVALS-R10")
@pytest.mark.parametrize(("metric", "letter", "subject", "expected", "kept"), CASES)
async def test_a_rule_finds_what_it_is_for(
    metric: str, letter: str, subject: str, expected: dict[str, Any], *, kept: bool
) -> None:
    """And says what it found."""
    score = await score_of(metric, example(expected=expected), output(letter, subject=subject))
    assert score.value == float(kept), score
    assert bool(score.reason) is not kept


@pytest.mark.req("EVALS-R9", "EVALS-R10", "EVALS-R11")
@pytest.mark.parametrize("path", PATHS)
async def test_a_good_email_keeps_every_rule_of_its_path(path: str) -> None:
    """A person would send it."""
    for check in CHECKS[path]:
        made = output(GOOD)
        if check.metric != "cadence":
            score = await check.score(example(), made)
            assert score.value == 1.0, (check.metric, score)


@pytest.mark.req("EVALS-R15")
@pytest.mark.parametrize("path", PATHS)
async def test_what_was_due_and_not_written_scores_nothing(path: str) -> None:
    """By every scored check alike; silence that was wanted keeps them all."""
    for check in CHECKS[path]:
        if check.kind == "scored":
            assert (await check.score(example(), output(failure="it broke"))).value == 0.0
            assert (await check.score(example(expected={"silent": True}), output())).value == 1.0


@pytest.mark.req("EVALS-R15")
async def test_a_score_is_the_share_of_the_touches() -> None:
    """One of four that is too short costs a quarter."""
    score = await score_of("length", example(), output(GOOD, GOOD, "Hello Grace,\n\nToo short?", GOOD))
    assert score.value == 0.75


@pytest.mark.req("EVALS-R17")
def test_the_fingerprint_is_that_of_the_judging_code() -> None:
    """One digest for all deterministic checks, because they share their code."""
    assert {check.fingerprint for checks in CHECKS.values() for check in checks} == {rules_sha256()}
    assert len(rules_sha256()) == 64
