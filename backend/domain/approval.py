"""An approval is still meant when what it rested on still stands: rules that say why a person is asked again."""

from datetime import timedelta

from backend.domain.campaign import Case, DecisionRecord, Draft, Email, GraphMeta
from backend.domain.facts import MAX_COMPANY_FACTS, evidence_of, overtaken
from backend.domain.faults import name_faults
from backend.domain.instants import from_text
from backend.domain.links import strange_links
from backend.domain.outside_words import orders_a_writer
from backend.domain.provenance import provenance
from backend.domain.text import clean, cut_on_word

MAX_FACT_CHARS_SHOWN = 200


def why_outdated(case: Case, decision: DecisionRecord, draft: Draft, max_age: timedelta) -> str:
    """Say why the approval of `draft` is no longer meant at the instant of `case`, or nothing.

    It is older than `max_age`, a fact the draft rests on has been overtaken, or the campaign does not allow a link any more.
    A link that the card said is not allowed, or that a person overrode, was meant, whatever the campaign allows.
    """
    if case.now - from_text(decision["decided_at"]) > max_age:
        return f"the approval is older than {max_age.days} days"
    if changed := overtaken(draft["provenance"]["evidence"], case.dossier["facts"]):
        more = f" ({len(changed) - 1} more)" if len(changed) > 1 else ""
        # No more facts than these are read, so one that surer ones have taken the place of may stand and is not seen.
        is_full = len(case.dossier["facts"]) >= MAX_COMPANY_FACTS
        became = f"has changed or is none of the {MAX_COMPANY_FACTS} surest any more" if is_full else "has changed"
        return f"a fact it rests on {became}: {cut_on_word(changed[0], MAX_FACT_CHARS_SHOWN)}{more}"
    approved = clean(f"{decision['approved']['subject']}\n{decision['approved']['body']}")
    told = tuple(draft["graph_meta"].get("faults", ()))
    strangers = [] if decision.get("override") else strange_links(approved, case.campaign["allowed_links"])
    if untold := [link for link in strangers if not any(fault.endswith(f": {link}") for fault in told)]:
        return f"the campaign does not allow a link of it any more: {untold[0]}"
    return ""


def ask_again(draft: Draft, approved: Email, case: Case, why: str) -> Draft:
    """The next version of `draft`: the text that was approved, which a person decides on again, knowing `why`.

    It rests on the facts as they stand now, so what was asked about once is not asked about again.
    """
    written, meta = draft["provenance"], draft["graph_meta"]
    evidence = [evidence_of(fact) for fact in case.dossier["facts"] if not orders_a_writer(fact["value"])]
    told = GraphMeta(prompt=meta.get("prompt", ""), model=meta.get("model", "none"), model_calls=0, asked_again=why)
    return Draft(
        subject=approved["subject"],
        body=approved["body"],
        provenance=provenance(
            written["source"],
            written["reason"],
            confidence=written["confidence"],
            evidence=evidence if written["evidence"] else [],
        ),
        graph_meta={**told, **name_faults(approved, case.campaign["allowed_links"])},
    )
